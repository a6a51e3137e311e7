import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseRegistry, registry } from "../../../src/models/registry.js";
import { describeWithShared, sharedPath } from "../../support/shared.js";

const valid = {
  name: "a",
  kind: "whisper",
  file: "a.bin",
  url: "https://example.org/a.bin",
  bytes: 1,
  sha256: "0".repeat(64),
  licence: "MIT",
  description: "A",
};

describe("the shipped registry", () => {
  const names = registry().entries.map((entry) => entry.name);

  test("has the usual models", () => {
    const sizes = ["tiny", "tiny.en", "base", "base.en", "small", "small.en", "medium", "medium.en"];
    const large = ["large-v1", "large-v2", "large-v3", "large-v3-turbo", "large-v3-turbo-q5_0"];
    const distilled = [
      "distil-small.en",
      "distil-medium.en",
      "distil-large-v2",
      "distil-large-v3",
      "distil-large-v3.5",
    ];
    expect(names).toEqual(
      expect.arrayContaining([...sizes, ...large, ...distilled, "silero-v6.2.0", "demo"]),
    );
  });

  test("knows the short names of other programs", () => {
    expect(registry().find("turbo")?.name).toBe("large-v3-turbo");
    expect(registry().find("large")?.name).toBe("large-v3");
  });

  test("has a diarization model, which is not bundled and has its licence named", () => {
    expect(registry().find("nemotron")).toMatchObject({
      name: "nemotron-3-diarization",
      kind: "diarization",
      licence: "OpenMDW-1.1",
      bytes: 107_012_128,
    });
    expect(registry().find("nemotron")!.bundled).toBeUndefined();
  });

  test("has every hash and address once", () => {
    const { entries } = registry();
    expect(new Set(entries.map((entry) => entry.sha256)).size).toBe(entries.length);
    expect(new Set(entries.map((entry) => entry.url ?? entry.file)).size).toBe(entries.length);
  });

  test("fetches from fixed revisions, which a later upload cannot change", () => {
    for (const { name, url } of registry().entries) {
      if (url)
        expect(url, name).toMatch(
          /^https:\/\/huggingface\.co\/[\w.-]+\/[\w.-]+\/resolve\/[0-9a-f]{40}\/[\w.-]+\.(bin|gguf)$/,
        );
    }
  });

  test.each([
    ["demo", 20],
    ["silero-v6.2.0", undefined],
  ])("describes the bundled file of %s as it is", (name, maxWindow) => {
    const entry = registry().find(name)!;
    const content = readFileSync(new URL(`../../../models/${entry.file}`, import.meta.url));
    expect(content.length).toBe(entry.bytes);
    expect(createHash("sha256").update(content).digest("hex")).toBe(entry.sha256);
    expect(entry.maxWindow).toBe(maxWindow);
  });
});

describe("parseRegistry", () => {
  test("accepts a complete entry", () => {
    expect(parseRegistry({ models: [valid] }).find("a")).toEqual(valid);
  });

  test.each([
    ["a name with a path", { name: "../a" }],
    ["a file with a path", { file: "../a.bin" }],
    ["a file of another kind", { file: "a.exe" }],
    ["an unknown kind", { kind: "tts" }],
    ["a short hash", { sha256: "abc" }],
    ["an upper-case hash", { sha256: "A".repeat(64) }],
    ["no size", { bytes: undefined }],
    ["a fractional size", { bytes: 1.5 }],
    ["an unencrypted address", { url: "http://example.org/a.bin" }],
    ["an address for a bundled file", { bundled: true }],
    ["a package of its own for what is downloaded", { package: "agora-transcribe-demo" }],
    ["neither address nor bundled", { url: undefined }],
    ["no licence", { licence: "" }],
    ["no description", { description: " " }],
    ["a window of more than 30 s", { maxWindow: 31 }],
    ["aliases that are no list", { aliases: "b" }],
  ])("refuses %s and names the entry", (_, change) => {
    expect(() => parseRegistry({ models: [{ ...valid, ...change }] })).toThrow(
      expect.objectContaining({
        code: "INTERNAL",
        message: expect.stringMatching(/^Model registry: expected .+ for /),
      }),
    );
  });

  test("refuses two entries of one name, alias or file", () => {
    const other = { ...valid, name: "b", file: "b.bin" };
    expect(() => parseRegistry({ models: [valid, { ...other, name: "a" }] })).toThrow("a is taken");
    expect(() => parseRegistry({ models: [valid, { ...other, aliases: ["a"] }] })).toThrow("a is taken");
    expect(() => parseRegistry({ models: [valid, { ...other, file: "a.bin" }] })).toThrow("a.bin is taken");
  });

  test.each([null, [], {}, { models: {} }, { models: [null] }])("refuses %j", (content) => {
    expect(() => parseRegistry(content)).toThrow(expect.objectContaining({ code: "INTERNAL" }));
  });
});

describeWithShared("the registry's Silero VAD", () => {
  test("is the reference file", () => {
    const content = readFileSync(sharedPath("models/silero-vad-v6.2.0.ggml.bin")!);
    const entry = registry().find("silero-vad")!;
    expect(createHash("sha256").update(content).digest("hex")).toBe(entry.sha256);
    expect(content.length).toBe(entry.bytes);
  });
});
