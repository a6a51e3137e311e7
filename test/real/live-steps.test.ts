import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createWhisperEngine } from "../../src/engine/whisper.js";
import type { Engine } from "../../src/types/engine.js";
import { decode } from "../support/audio.js";
import { englishWords } from "../support/english-words.js";
import { librispeech, type RealRecording, russian } from "../support/real-recordings.js";
import { describeWithRealWhisper, realWhisper } from "../support/real-whisper.js";
import { WINDOW_OPTIONS } from "../support/window-options.js";
import { normalisedWords, wordErrorRate } from "../support/word-error-rate.js";

const RATE = 16_000;
/** Seconds that each step adds, and how far from the end text stands. */
const STEP = 1;
const FRONTIER = 2;
/** Points of word error rate that text which stands at once may lose against text of the whole. */
const POINTS = 0.02;

let engine: Engine & Required<Pick<Engine, "liveStep">>;

beforeAll(async () => {
  const loaded = await createWhisperEngine({
    modelPath: realWhisper().base,
    modelName: "base",
    maxWindow: undefined,
    device: "cpu",
    threads: 2,
    cpuVariant: undefined,
    batchSize: 4,
    computeType: "auto",
    draftModelPath: undefined,
    maxQueue: 0,
  });
  engine = loaded as typeof engine;
});
afterAll(() => engine.close());

/** The text of a recording that is heard step by step, and what that took. */
async function replayed(samples: Float32Array, language: string) {
  let text = "";
  let forced: number[] = [];
  let expected: number[] = [];
  let steps = 0;
  for (let end = STEP * RATE; ; end += STEP * RATE) {
    const final = end >= samples.length;
    const step = await engine.liveStep({
      samples: samples.slice(0, end),
      language,
      task: "transcribe",
      forced,
      expected,
      frontier: final ? 0 : FRONTIER,
      final,
      tail: !final,
    });
    steps++;
    text += step.text;
    forced = [...forced, ...step.tokens.map(({ id }) => id)];
    expected = step.tail.map(({ id }) => id);
    if (final) return { text, steps };
  }
}

async function compare(recordings: readonly RealRecording[], normalise: (text: string) => string[]) {
  let words = 0;
  let offline = 0;
  let live = 0;
  let steps = 0;
  for (const { path, language, text } of recordings) {
    const samples = (await decode(readFileSync(path))).tracks[0]!;
    const whole = await engine.transcribeWindow(samples, { ...WINDOW_OPTIONS, language });
    const heard = await replayed(samples, language);
    const offlineText = whole.segments.map((segment) => segment.text).join("");
    const errors = wordErrorRate(text, offlineText, normalise);
    words += errors.words;
    offline += errors.errors;
    live += wordErrorRate(text, heard.text, normalise).errors;
    steps += heard.steps;
  }
  console.log(`${words} words, ${offline} errors offline, ${live} live in ${steps} steps`);
  return { offline: offline / words, live: live / words };
}

describeWithRealWhisper("speech that is written second by second", () => {
  it("is LibriSpeech, within two points of the whole", async () => {
    const { offline, live } = await compare(librispeech(), englishWords);
    expect(live).toBeLessThanOrEqual(offline + POINTS);
  });

  it("is Russian, within two points of the whole", async () => {
    const { offline, live } = await compare(russian().slice(0, 1), normalisedWords);
    expect(live).toBeLessThanOrEqual(offline + POINTS);
  });
});
