import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWhisperEngine } from "../../src/engine/whisper.js";
import { resolveModel } from "../../src/models/resolve.js";
import type { Engine } from "../../src/types/engine.js";
import type { LiveStepRequest, LiveStepResult, LiveToken } from "../../src/types/live-step.js";
import { sampleAudio, sampleText } from "../support/samples.js";
import { WINDOW_OPTIONS } from "../support/window-options.js";
import { normalisedWords, wordErrorRate } from "../support/word-error-rate.js";

/** What the batched engine has. */
type LiveEngine = Engine & Required<Pick<Engine, "liveStep" | "liveWords" | "followsSpeech">>;

const RATE = 16_000;
let engine: LiveEngine;

beforeAll(async () => {
  const { path } = await resolveModel("demo");
  const loaded = await createWhisperEngine({
    modelPath: path,
    modelName: "demo",
    maxWindow: 20,
    device: "cpu",
    threads: 2,
    cpuVariant: undefined,
    batchSize: 4,
    computeType: "auto",
    draftModelPath: undefined,
    maxQueue: 0,
  });
  engine = loaded as LiveEngine;
});
afterAll(() => engine.close());

function sound(call: string, from: number, to: number): Float32Array {
  return Float32Array.from(sampleAudio(call, from, to).samples, (sample) => sample / 32_768);
}

const step = (request: Partial<LiveStepRequest>, signal?: AbortSignal): Promise<LiveStepResult> =>
  engine.liveStep(
    {
      samples: sound("sales-call-en", 0, 6),
      language: "en",
      task: "transcribe",
      forced: [],
      frontier: 0.5,
      final: false,
      tail: false,
      ...request,
    },
    signal,
  );

/** A stream that is heard second by second, to its end. */
async function replay(call: string, language: string, to: number, tail: boolean) {
  const tokens: LiveToken[] = [];
  const texts: string[] = [];
  let expected: number[] = [];
  for (let seconds = 1; seconds <= to; seconds++) {
    const final = seconds === to;
    const result = await step({
      samples: sound(call, 0, seconds),
      language,
      forced: tokens.map(({ id }) => id),
      expected,
      final,
      frontier: final ? 0 : 0.5,
      tail: tail && !final,
    });
    tokens.push(...result.tokens);
    texts.push(result.text);
    expected = result.tail.map(({ id }) => id);
  }
  return { tokens, text: texts.join("") };
}

describe("a step of live transcription", () => {
  it.each([
    ["sales-call-en", "en"],
    ["sales-call-ru", "ru"],
  ])("writes %s second by second as it is written at once", async (call, language) => {
    const { tokens, text } = await replay(call, language, 12, false);
    expect(tokens.map((token) => token.text).join("")).toBe(text);
    const options = { ...WINDOW_OPTIONS, language };
    const { segments } = await engine.transcribeWindow(sound(call, 0, 12), options);
    const whole = segments.map((segment) => segment.text).join("");
    expect(wordErrorRate(whole, text).rate).toBeLessThan(0.1);
    expect(wordErrorRate(sampleText(call), text).insertions).toBeLessThan(3);
  });

  it("writes the same where the tail is asked for and expected again", async () => {
    const plain = await replay("sales-call-en", "en", 8, false);
    expect(await replay("sales-call-en", "en", 8, true)).toEqual(plain);
  });

  it("shows text that does not stand yet as its tail", async () => {
    const shown: string[] = [];
    for (const seconds of [3, 4, 5, 6, 7]) {
      const samples = sound("sales-call-en", 0, seconds);
      const settled = await step({ samples });
      const { tail, tailText, ...rest } = await step({ samples, tail: true });
      expect(rest.text).toBe(settled.text);
      expect(tail.map(({ text }) => text).join("")).toBe(tailText);
      expect(settled.tail).toEqual([]);
      expect(settled.rewound).toBe(false);
      shown.push(...normalisedWords(tailText));
    }
    expect(shown.length).toBeGreaterThan(2);
  });

  it("detects the language where none is given", async () => {
    const samples = sound("sales-call-ru", 0, 6);
    const told = await step({ samples, language: "ru" });
    const { languageProbability, ...detected } = await step({ samples, language: undefined });
    expect(detected).toMatchObject({ language: "ru", text: told.text });
    expect(languageProbability).toBeGreaterThan(0.5);
    expect(languageProbability).toBeLessThanOrEqual(1);
    expect(told.languageProbability).toBe(1);
    expect(detected.noSpeechProb).toBeLessThan(0.5);
  });

  it("takes the text before as text and as tokens", async () => {
    const before = await step({ final: true, frontier: 0 });
    const tokens = before.tokens.map(({ id }) => id);
    const asTokens = await step({ prompt: tokens, final: true, frontier: 0 });
    expect(await step({ prompt: before.text, final: true, frontier: 0 })).toEqual(asTokens);
    const long = before.text.repeat(200);
    expect((await step({ prompt: long, final: true, frontier: 0 })).text).not.toBe("");
  });

  it("tells the words of what was written, in order, with times", async () => {
    const { tokens, text } = await replay("sales-call-en", "en", 8, false);
    const words = engine.liveWords(tokens, 8, "en");
    expect(words.map((word) => word.text).join("")).toBe(text);
    expect(words.map((word) => word.text.trim()).slice(0, 4)).toEqual(["My", "phone", "number", "is"]);
    for (const [i, word] of words.entries()) {
      expect(word.start).toBeGreaterThanOrEqual(words[i - 1]?.end ?? 0);
      expect(word.end).toBeGreaterThanOrEqual(word.start);
      expect(word.end).toBeLessThanOrEqual(8);
      expect(word.confidence).toBeGreaterThan(0);
      expect(word.confidence).toBeLessThanOrEqual(1);
    }
    expect(engine.liveWords([], 8, "en")).toEqual([]);
  });

  it("is never refused for the windows of files that wait", async () => {
    const samples = sound("sales-call-en", 0, 12);
    const bulk = { ...WINDOW_OPTIONS, priority: "bulk" } as const;
    const files = Array.from({ length: 4 }, () => engine.transcribeWindow(samples, bulk));
    await expect(engine.transcribeWindow(samples, bulk)).rejects.toMatchObject({ code: "QUEUE_FULL" });
    const order: string[] = [];
    const heard = async () => {
      const { text } = await step({});
      order.push("live");
      return text;
    };
    const live = Promise.all(Array.from({ length: 6 }, heard));
    await Promise.all(files.map((file) => file.then(() => order.push("file"))));
    const alone = await step({});
    expect(await live).toEqual(Array.from({ length: 6 }, () => alone.text));
    expect(order.slice(0, 6)).toEqual(Array.from({ length: 6 }, () => "live"));
  });

  it("ends when its signal fires", async () => {
    const controller = new AbortController();
    const pending = step({ language: undefined }, controller.signal);
    controller.abort();
    await expect(pending).rejects.toMatchObject({ code: "CANCELLED" });
    await expect(step({}, AbortSignal.abort())).rejects.toMatchObject({ code: "CANCELLED" });
    expect((await step({})).text).not.toBe("");
  });

  it.each([
    ["samples", { samples: new Float32Array(0) }],
    ["samples", { samples: new Float32Array(30 * RATE + 1) }],
    ["forced", { forced: [60_000] }],
    ["forced", { forced: [-1] }],
    ["forced", { forced: Array.from({ length: 430 }, () => 1000) }],
    ["expected", { expected: [50_257] }],
    ["prompt", { prompt: [0.5] }],
    ["frontier", { frontier: -0.1 }],
    ["frontier", { frontier: Number.NaN }],
    ["maxTokens", { maxTokens: 0 }],
    ["language", { language: "xx" }],
  ])("refuses %s that it cannot take", async (option, request) => {
    await expect(step(request)).rejects.toMatchObject({ code: "INVALID_ARGUMENT", option });
  });
});
