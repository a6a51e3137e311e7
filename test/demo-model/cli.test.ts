import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type ChildResult, runCli } from "../support/cli.js";
import { samplePath, sampleText, sampleTurns } from "../support/samples.js";
import { temporaryFolder } from "../support/temporary-folder.js";
import { wordErrorRate } from "../support/word-error-rate.js";

const ENGLISH = samplePath("sales-call-en.wav");
const RUSSIAN = samplePath("sales-call-ru.wav");

const demo = (...args: string[]): Promise<ChildResult> => runCli([...args, "--model", "demo", "--no-vad"]);

test("text goes to standard output, everything else to standard error", async () => {
  const { code, stdout, stderr } = await demo(ENGLISH);
  expect(code).toBe(0);
  expect(wordErrorRate(sampleText("sales-call-en"), stdout).rate).toBeLessThanOrEqual(0.03);
  // Nothing but what was asked for where nobody watches.
  expect(stderr).toBe("");
});

test("what was found is told on standard error when asked for", async () => {
  const { code, stderr } = await demo(RUSSIAN, "--verbose");
  expect(code).toBe(0);
  expect(stderr).toContain("Model demo");
  expect(stderr).toContain("ru (100 %)");
});

test("standard input is read as -, and nothing but text is written when it is to be quiet", async () => {
  const input = await readFile(RUSSIAN);
  const { code, stdout, stderr } = await runCli(["-", "--model", "demo", "--no-vad", "--quiet"], { input });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(wordErrorRate(sampleText("sales-call-ru"), stdout).rate).toBeLessThanOrEqual(0.03);
});

test("JSON is the library's result", async () => {
  const { code, stdout } = await demo(ENGLISH, "--format", "json", "--word-timestamps");
  expect(code).toBe(0);
  const result = JSON.parse(stdout);
  expect(result).toMatchObject({ language: "en", model: "demo", implementation: "whisper" });
  expect(result.duration).toBeCloseTo(48.08, 2);
  expect(result.segments).toHaveLength(sampleTurns("sales-call-en").length);
  expect(result.segments[0].words[0]).toMatchObject({ text: "My" });
});

test("subtitles have a cue for each turn, at its time", async () => {
  const { code, stdout } = await demo(ENGLISH, "--format", "srt");
  expect(code).toBe(0);
  const cues = stdout.trim().split("\n\n");
  const turns = sampleTurns("sales-call-en");
  expect(cues).toHaveLength(turns.length);
  for (const [i, cue] of cues.entries()) {
    const [, hours, minutes, seconds] = /(\d\d):(\d\d):(\d\d,\d\d\d) --> /.exec(cue)!;
    const start = 3600 * Number(hours) + 60 * Number(minutes) + Number(seconds!.replace(",", "."));
    expect(cue.startsWith(`${i + 1}\n`)).toBe(true);
    expect(Math.abs(start - turns[i]!.start)).toBeLessThan(0.5);
  }
});

test("subtitles of words underline each of them in turn", async () => {
  const { code, stdout } = await demo(RUSSIAN, "--format", "srt", "--highlight-words");
  expect(code).toBe(0);
  expect(stdout).toContain("<u>Доставка</u> занимает пятьдесят дней.");
  expect(stdout).toContain("Доставка <u>занимает</u> пятьдесят дней.");
});

test("several files become several documents in a folder", async () => {
  const folder = await temporaryFolder();
  const { code, stdout } = await demo(ENGLISH, RUSSIAN, "--output-dir", folder, "--format", "txt,vtt");
  expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
  expect((await readdir(folder)).sort()).toEqual(
    ["sales-call-en.txt", "sales-call-en.vtt", "sales-call-ru.txt", "sales-call-ru.vtt"].sort(),
  );
  for (const call of ["sales-call-en", "sales-call-ru"]) {
    const text = await readFile(join(folder, `${call}.txt`), "utf8");
    expect(wordErrorRate(sampleText(call), text).rate).toBeLessThanOrEqual(0.03);
    expect(await readFile(join(folder, `${call}.vtt`), "utf8")).toMatch(/^WEBVTT\n/);
  }
});

test("parties on channels of their own are named", async () => {
  // With the VAD: most of a party's channel is silence, which the demo model is not made for.
  const recording = [samplePath("sales-call-en.stereo.wav"), "--model", "demo"];
  const { code, stdout } = await runCli([
    ...[...recording, "--channels", "each", "--channel-labels", "seller,client"],
  ]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/seller.*What is your phone number\?\n.*client.*That is too expensive\./);
});

describe("exit codes", () => {
  test("1 when one file of several fails, with the text of the others", async () => {
    const folder = await temporaryFolder();
    const bad = join(folder, "bad.wav");
    await writeFile(bad, "no audio");
    const { code, stdout, stderr } = await demo(bad, ENGLISH);
    expect(code).toBe(1);
    expect(stdout).toContain("My phone number");
    expect(stderr).toContain("bad.wav");
  });

  test("2 for what the command line itself gets wrong", async () => {
    expect((await demo(ENGLISH, "--beam-size", "99")).code).toBe(2);
    expect((await demo(ENGLISH, "--no-such-option")).code).toBe(2);
    expect((await demo(ENGLISH, "--language", "cantonese")).code).toBe(2);
  });

  test("3 when there is no such model", async () => {
    const { code, stderr, stdout } = await runCli([ENGLISH, "--model", "/nowhere/model.bin"]);
    expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
    expect(stderr).toContain("/nowhere/model.bin");
  });

  test("3 when no model was named and the default one is not here, with what to do", async () => {
    const env = { AGORA_CACHE_DIR: await temporaryFolder(), AGORA_OFFLINE: "1", AGORA_MODEL: "" };
    const { code, stderr } = await runCli([ENGLISH], { env });
    expect(code).toBe(3);
    expect(stderr).toContain("--model demo");
  });
});
