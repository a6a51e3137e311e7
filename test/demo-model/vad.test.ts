import { fileURLToPath } from "node:url";
import { describe, expect, test, vi } from "vitest";
import { DEFAULT_VAD_OPTIONS } from "../../src/config/options.js";
import { loadVadModel } from "../../src/engine/vad.js";
import { createTranscriber, detectSpeech } from "../../src/index.js";
import { LevelledVad } from "../../src/pipeline/levelled-vad.js";
import { FRAME_SAMPLES, type Region, SpeechRegions } from "../../src/pipeline/speech-regions.js";
import { decode } from "../support/audio.js";
import { DEMO, sharedTranscriber } from "../support/demo.js";
import { samplePath, sampleText, sampleTurns } from "../support/samples.js";
import { temporaryFolder } from "../support/temporary-folder.js";
import { wordErrorRate } from "../support/word-error-rate.js";

const RATE = 16_000;
const CALLS = ["sales-call-en", "sales-call-ru"];

describe("Silero's VAD", () => {
  const vadModel = fileURLToPath(new URL("../../models/silero-v6.2.0.bin", import.meta.url));
  const transcriber = sharedTranscriber({ ...DEMO, vadModel: "silero-v6.2.0" });

  async function regionsOf(samples: Float32Array, blockSize: number): Promise<Region[]> {
    const vad = await loadVadModel(vadModel);
    const session = vad.createSession();
    const regions = new SpeechRegions({
      threshold: 0.5,
      negThreshold: 0.35,
      minSpeechDuration: 0.25,
      minSilenceDuration: 0.1,
      speechPad: 0.03,
      maxSpeechDuration: Number.POSITIVE_INFINITY,
    });
    const found: Region[] = [];
    for (let at = 0; at < samples.length; at += blockSize) {
      found.push(...regions.push(await session.push(samples.subarray(at, at + blockSize))));
    }
    found.push(...regions.push(await session.flush()), ...regions.flush(samples.length));
    session.close();
    await vad.close();
    return found;
  }

  test.each(CALLS)("%s: what it finds is where the turns are", async (call) => {
    const { tracks } = await decode(samplePath(`${call}.wav`));
    const samples = tracks[0]!;
    const isSpoken = (spans: readonly { start: number; end: number }[], scale: number): boolean[] =>
      Array.from({ length: Math.floor(samples.length / FRAME_SAMPLES) }, (_, frame) => {
        const middle = (frame + 0.5) * FRAME_SAMPLES;
        return spans.some(({ start, end }) => start * scale <= middle && middle < end * scale);
      });
    const found = isSpoken(await regionsOf(samples, 16_000), 1);
    const spoken = isSpoken(sampleTurns(call), RATE);
    const agreeing = found.filter((value, frame) => value === spoken[frame]).length / found.length;
    expect(agreeing).toBeGreaterThan(0.9);
  });

  test("what it finds does not depend on how the audio arrives", async () => {
    const { tracks } = await decode(samplePath("sales-call-en.wav"));
    const samples = tracks[0]!.subarray(0, 12 * RATE);
    expect(await regionsOf(samples, 777)).toEqual(await regionsOf(samples, samples.length));
  });

  test.each(CALLS)("%s reads as well with it", async (call) => {
    const result = await transcriber().transcribe(samplePath(`${call}.wav`), { vadFilter: true });
    expect(wordErrorRate(sampleText(call), result.text).rate).toBeLessThanOrEqual(0.03);
    const spoken = sampleTurns(call).reduce((sum, { start, end }) => sum + end - start, 0);
    expect(result.stats.speechDuration).toBeGreaterThan(0.9 * spoken);
    expect(result.stats.speechDuration).toBeLessThan(result.duration);
  });

  test("is asked by itself, with its rules, and tells stretches inside of the recording", async () => {
    const path = samplePath("sales-call-en.wav");
    const { duration, speech, warnings } = await detectSpeech(path, {
      minSilenceDuration: 0.1,
      speechPad: 0.03,
    });
    expect(warnings).toEqual([]);
    expect(speech.length).toBeGreaterThan(5);
    for (const [index, { start, end }] of speech.entries()) {
      expect(start).toBeGreaterThanOrEqual(speech[index - 1]?.end ?? 0);
      expect(end).toBeGreaterThan(start);
      expect(end).toBeLessThanOrEqual(duration);
    }
    const isHeard = (time: number) => speech.some(({ start, end }) => start <= time && time < end);
    for (const { start, end } of sampleTurns("sales-call-en")) expect(isHeard((start + end) / 2)).toBe(true);
    const whole = await detectSpeech(path);
    expect(whole.speech.length).toBeLessThan(speech.length);
    const { stats } = await transcriber().transcribe(path, { vadFilter: true });
    const seconds = whole.speech.reduce((sum, { start, end }) => sum + end - start, 0);
    expect(stats.speechDuration).toBeCloseTo(seconds, 1);
  });

  test("is asked by itself of what is silent, and not with rules that cannot be", async () => {
    const silence = { samples: new Float32Array(32_000), sampleRate: 16_000 };
    expect(await detectSpeech(silence)).toMatchObject({ speech: [], duration: 2 });
    await expect(detectSpeech(silence, { threshold: 7 })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    const signal = AbortSignal.abort();
    await expect(detectSpeech(silence, { signal })).rejects.toMatchObject({ code: "CANCELLED" });
  });

  test.each([-20, -40, -55])("finds what is spoken in a recording %i dB softer", async (gain) => {
    const { tracks } = await decode(samplePath("sales-call-en.wav"));
    const samples = tracks[0]!.map((sample) => sample * 10 ** (gain / 20));
    const spoken = sampleTurns("sales-call-en").reduce((sum, { start, end }) => sum + end - start, 0);
    const vad = new LevelledVad(await loadVadModel(vadModel));
    const regions = new SpeechRegions(DEFAULT_VAD_OPTIONS);
    const found = [...regions.push(await vad.push(samples)), ...regions.push(await vad.flush())];
    found.push(...regions.flush(samples.length));
    vad.close();
    expect(found.reduce((sum, { start, end }) => sum + end - start, 0) / RATE).toBeGreaterThan(0.98 * spoken);
  });

  test("a threshold that nothing reaches leaves nothing", async () => {
    const { text, stats } = await transcriber().transcribe(samplePath("sales-call-en.wav"), {
      vadFilter: true,
      vadOptions: { threshold: 1 },
    });
    expect({ text, windows: stats.windowCount }).toEqual({ text: "", windows: 0 });
  });

  test("sessions of requests at once do not disturb one another", async () => {
    const texts = await Promise.all(
      [...CALLS, ...CALLS].map(
        async (call) => (await transcriber().transcribe(samplePath(`${call}.wav`), { vadFilter: true })).text,
      ),
    );
    expect(texts.slice(0, 2)).toEqual(texts.slice(2));
    for (const [i, call] of CALLS.entries()) {
      expect(wordErrorRate(sampleText(call), texts[i]!).rate).toBeLessThanOrEqual(0.03);
    }
  });
});

test("asked for or not, it is there without cache and network", async () => {
  vi.stubEnv("AGORA_CACHE_DIR", await temporaryFolder());
  vi.stubEnv("AGORA_OFFLINE", "1");
  await using transcriber = await createTranscriber({ model: "demo" });
  for (const vadFilter of [true, "auto"] as const) {
    const { text } = await transcriber.transcribe(samplePath("sales-call-en.wav"), { vadFilter });
    expect(wordErrorRate(sampleText("sales-call-en"), text).rate).toBeLessThanOrEqual(0.03);
  }
  vi.unstubAllEnvs();
});
