import { describe, expect, test } from "vitest";
import type { TranscribeOptions } from "../../src/index.js";
import { DEMO, failure, sharedTranscriber } from "../support/demo.js";
import { DEMO_MODEL, sampleAudio, samplePath, sampleText, sampleTurns } from "../support/samples.js";
import { tokensWith } from "../support/vocabulary.js";
import { wordErrorRate } from "../support/word-error-rate.js";

const transcriber = sharedTranscriber();
const CALL = samplePath("sales-call-en.wav");
/** Two turns of the English call. */
const CLIP = sampleAudio("sales-call-en", 0, 5.6);

const textOf = async (options: TranscribeOptions): Promise<string> =>
  (await transcriber().transcribe(CLIP, { language: "en", ...options })).text;

describe("what decoding options do", () => {
  test.each<[string, TranscribeOptions]>([
    ["beam search", { beamSize: 5 }],
    ["beam search with a length penalty", { beamSize: 3, lengthPenalty: 1 }],
    ["several samples at a low temperature", { temperature: 0.1, bestOf: 5 }],
    [
      "every threshold off",
      { compressionRatioThreshold: null, logProbThreshold: null, noSpeechThreshold: null },
    ],
    ["non-speech tokens allowed", { suppressTokens: [], suppressBlank: false }],
    ["short windows", { chunkLength: 10 }],
  ])("%s keeps the text", async (_, options) => {
    const { text } = await transcriber().transcribe(CALL, { language: "en", ...options });
    expect(wordErrorRate(sampleText("sales-call-en"), text).rate).toBeLessThanOrEqual(0.05);
  });

  // The demo model was trained on few prompts and is thrown off by most.
  test.each<[string, TranscribeOptions]>([
    ["a prompt", { initialPrompt: "What is your phone number?" }],
    ["hotwords", { hotwords: ["phone", "router"] }],
  ])("%s goes into the decoding and does not spoil it", async (_, options) => {
    const { text, segments } = await transcriber().transcribe(CALL, { language: "en", ...options });
    expect(wordErrorRate(sampleText("sales-call-en"), text).rate).toBeLessThanOrEqual(0.5);
    const without = await transcriber().transcribe(CALL, { language: "en" });
    expect(segments).not.toEqual(without.segments);
  });

  // Two windows: the demo model has learnt nothing of longer texts before its own.
  test("text of the window before goes into the decoding and does not spoil it", async () => {
    const windows: TranscribeOptions = { language: "en", chunkLength: 10, clipTimestamps: [0, 19] };
    const without = await transcriber().transcribe(CALL, windows);
    const after = await transcriber().transcribe(CALL, { ...windows, conditionOnPreviousText: true });
    const said = sampleTurns("sales-call-en").filter(({ start }) => start < 19);
    const truth = said.map(({ text }) => text).join(" ");
    expect(wordErrorRate(truth, without.text).rate).toBeLessThanOrEqual(0.05);
    expect(wordErrorRate(truth, after.text).rate).toBeLessThanOrEqual(0.5);
    expect(after.segments).not.toEqual(without.segments);
  });

  test.each<[string, TranscribeOptions]>([
    ["with times", {}],
    ["without", { withoutTimestamps: true }],
    ["of words", { wordTimestamps: true }],
    ["found by beams", { beamSize: 3 }],
    ["found by chance", { temperature: 0.6, bestOf: 2 }],
    ["after a prompt", { initialPrompt: "What is your phone number?" }],
  ])("a text %s begins with its prefix", async (_, options) => {
    const prefix = "Ladies and gentlemen,";
    const given = { language: "en", prefix, ...options };
    const { text, segments, warnings, stats } = await transcriber().transcribe(CLIP, given);
    expect(text.startsWith(prefix)).toBe(true);
    expect(warnings).toEqual([]);
    if (!options.wordTimestamps) return;
    const words = segments.flatMap((segment) => segment.words!);
    expect(words.map((word) => word.text.trim()).slice(0, 3)).toEqual(["Ladies", "and", "gentlemen,"]);
    expect(words).toHaveLength(stats.wordCount);
  });

  test("a prefix that is right changes nothing, and goes before the first window alone", async () => {
    const { text } = await transcriber().transcribe(CALL, { language: "en" });
    const prefix = text.split(" ").slice(0, 3).join(" ");
    const begun = await transcriber().transcribe(CALL, { language: "en", prefix });
    expect(begun.text).toBe(text);
  });

  test("of a prefix that is too long the first words are used, and a warning says so", async () => {
    const prefix = "one two three ".repeat(2000).trim();
    const { text, warnings } = await transcriber().transcribe(CLIP, { language: "en", prefix });
    expect(warnings[0]).toMatch(/^The prefix was cut to the first \d+ of 6000 words/);
    expect(text.startsWith("one two three")).toBe(true);
  });

  test("sampling gives the same text for the same seed, and another for another", async () => {
    const sample = (seed: number): Promise<string> =>
      textOf({ temperature: 1.5, bestOf: 1, seed, logProbThreshold: null });
    const texts: string[] = [];
    for (const seed of [1, 1, 1, 2, 3, 4]) texts.push(await sample(seed));
    expect(new Set(texts.slice(0, 3)).size).toBe(1);
    expect(new Set(texts).size).toBeGreaterThan(1);
  });

  test("the seed is the request's, whatever was decoded before", async () => {
    const sampled = { temperature: 1.5, bestOf: 1, seed: 1, logProbThreshold: null };
    const first = await textOf(sampled);
    await textOf({ temperature: 1, seed: 9 });
    expect(await textOf(sampled)).toBe(first);
  });

  test("a prompt far longer than the model's context is cut, not refused", async () => {
    const words = Array.from({ length: 5000 }, (_, i) => ["router", "tablet", "order"][i % 3]);
    const cut = await textOf({ initialPrompt: words.slice(-1000).join(" ") });
    expect(await textOf({ initialPrompt: words.join(" ") })).toBe(cut);
  });

  test("suppressed tokens do not occur", async () => {
    expect(await textOf({})).toContain("phone");
    const suppressTokens = tokensWith(DEMO_MODEL, "phone");
    expect(suppressTokens.length).toBeGreaterThan(0);
    expect(await textOf({ suppressTokens })).not.toContain("phone");
    // Ids beyond the vocabulary are nothing to suppress.
    expect(await textOf({ suppressTokens: [99_999] })).toBe(await textOf({ suppressTokens: [] }));
  });

  test("without timestamps there is one segment for each window", async () => {
    const { segments, stats, duration } = await transcriber().transcribe(CALL, { withoutTimestamps: true });
    expect(segments).toHaveLength(stats.windowCount);
    expect(segments[0]!.start).toBeLessThanOrEqual(0.5);
    expect(segments.at(-1)!.end).toBeGreaterThan(duration - 1.5);
  });

  test("words are only there when they were asked for", async () => {
    const without = await transcriber().transcribe(CLIP);
    expect(without.segments.every((segment) => !("words" in segment))).toBe(true);
    const { segments } = await transcriber().transcribe(CLIP, { wordTimestamps: true });
    expect(segments.flatMap(({ words }) => words!.map(({ text }) => text)).join(" ")).toBe(without.text);
  });

  test("a window ends at the most tokens it may have", async () => {
    const [short, whole] = [await textOf({ maxTokens: 4, temperature: 0 }), await textOf({ temperature: 0 })];
    expect(short.split(" ").length).toBeLessThanOrEqual(4);
    expect(whole.startsWith(short)).toBe(true);
  });

  test("shorter windows are more windows", async () => {
    const windowsOf = async (chunkLength: number): Promise<number> =>
      (await transcriber().transcribe(CALL, { chunkLength })).stats.windowCount;
    expect(await windowsOf(5)).toBeGreaterThanOrEqual(48 / 5);
    // The demo model's own limit is 20 s.
    expect(await windowsOf(30)).toBe(3);
  });

  test("translation is another task of the model, in the language that was spoken", async () => {
    const result = await transcriber().transcribe(samplePath("sales-call-ru.wav"), { task: "translate" });
    expect(result.language).toBe("ru");
    expect(result.warnings).toEqual([]);
  });
});

describe("what whisper.cpp does not have is refused, with what it has", () => {
  const sequential = sharedTranscriber({ ...DEMO, implementation: "whisper-cpp" });
  test.each<[string, TranscribeOptions, RegExp]>([
    ["patience", { patience: 2 }, /Expected 1 .*for patience but received 2/],
    [
      "another repetition threshold",
      { compressionRatioThreshold: 3 },
      /2\.4 or null.*compressionRatioThreshold/,
    ],
    ["uneven temperatures", { temperature: [0, 0.5, 0.6] }, /equal steps up to 1.*temperature/],
    ["falling temperatures", { temperature: [1, 0.5] }, /equal steps up to 1.*temperature/],
  ])("%s", async (_, options, message) => {
    const refused = await failure(sequential().transcribe(CLIP, options));
    expect(refused.code).toBe("INVALID_ARGUMENT");
    expect(refused.message).toMatch(message);
  });
});
