import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { resolveRequest } from "../../src/config/options.js";
import { LANGUAGES, parseLanguage, suggestLanguage } from "../../src/index.js";
import { readSettings } from "../../src/service/read-settings.js";
import { describeWithShared, sharedPath } from "../support/shared.js";

describe("languages", () => {
  it("are Whisper's hundred, each known by code and name", () => {
    expect(Object.keys(LANGUAGES)).toHaveLength(100);
    for (const [code, name] of Object.entries(LANGUAGES)) {
      expect(parseLanguage(code.toUpperCase())).toBe(code);
      expect(parseLanguage(name)).toBe(code);
    }
  });

  it.each([
    ["Castilian", "es"],
    ["mandarin", "zh"],
    [" flemish ", "nl"],
    ["AUTO", "auto"],
    // Regions, scripts, encodings.
    ["ru-RU", "ru"],
    ["en_US.UTF-8", "en"],
    ["ca_ES@valencia", "ca"],
    ["pt_br", "pt"],
    ["zh-Hant-TW", "zh"],
    ["zh-yue", "yue"],
    ["sr-Latn-RS", "sr"],
    ["es-419", "es"],
    // Withdrawn codes, Whisper's own and those of three letters.
    ["iw", "he"],
    ["in", "id"],
    ["ji", "yi"],
    ["jv", "jw"],
    ["mo", "ro"],
    ["nb-NO", "no"],
    ["nn", "nn"],
    ["fil", "tl"],
    ["rus", "ru"],
    ["ger", "de"],
    ["deu", "de"],
    ["jav", "jw"],
    ["haw", "haw"],
    // Own names.
    ["Русский", "ru"],
    ["Deutsch", "de"],
    ["日本語", "ja"],
  ])("know %j as %s", (given, code) => {
    expect(parseLanguage(given)).toBe(code);
  });

  it.each([
    "",
    "xx",
    "klingon",
    "english-US",
    "ru-",
    "-ru",
    "ru RU",
    "C.UTF-8",
    "jp",
    "cn",
    "constructor",
    "ru\0",
  ])("do not know %j", (given) => {
    expect(parseLanguage(given)).toBeUndefined();
  });

  it.each([
    ["jp", "ja"],
    ["cn", "zh"],
    ["ua", "uk"],
    ["cz_CZ", "cs"],
    ["rusian", "russian"],
    ["Chineese", "chinese"],
    ["dutsch", "dutch"],
    // A code that is a letter away from another one says nothing about it.
    ["xx", undefined],
    ["qq-RU", undefined],
    ["klingon", undefined],
  ])("suggest for %j %s", (given, meant) => {
    expect(suggestLanguage(given)).toBe(meant);
  });

  it("that are empty are refused in words that say so", () => {
    expect(() => resolveRequest({ language: " " })).toThrow("for language but it is empty");
    expect(() => readSettings({}, { language: "" })).toThrow("it is empty");
  });
});

describeWithShared("the shared spellings of languages", () => {
  const file = sharedPath("cases/text/languages.tsv");
  const rows = file ? readFileSync(file, "utf8").trimEnd().split("\n").slice(1) : [];

  it.each(rows.map((row) => row.split("\t") as [string, string]))(
    "%j is %s, wherever it is said",
    (given, right) => {
      const outcome = (read: () => string | undefined): string => {
        try {
          return read() ?? "auto";
        } catch (error) {
          return (error as Error).message;
        }
      };
      const outcomes = [
        outcome(() => resolveRequest({ language: given }).language),
        outcome(() => readSettings({}, { language: given }).language),
      ];
      if (given !== "") outcomes.push(outcome(() => readSettings({ MODEL_LANGUAGE: given }).language));
      const [wanted] = /^[a-z]{2}\b/.exec(right) ?? [];
      for (const each of outcomes) {
        if (right.startsWith("detected")) expect(each).toBe("auto");
        else if (given === "") expect(each).toContain("empty");
        else expect(each === wanted || each.includes(`did you mean "${wanted}"?`)).toBe(true);
      }
    },
  );
});
