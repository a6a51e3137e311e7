import { expect, test } from "vitest";
import { loadVadModel } from "../../src/engine/vad.js";
import { createTranscriber } from "../../src/index.js";
import { FRAME_SAMPLES, type Region, SpeechRegions } from "../../src/pipeline/speech-regions.js";
import { decode } from "../support/audio.js";
import { DEMO, failure, sharedTranscriber } from "../support/demo.js";
import { samplePath, sampleText, sampleTurns } from "../support/samples.js";
import { describeWithShared, sharedPath } from "../support/shared.js";
import { temporaryFolder } from "../support/temporary-folder.js";
import { wordErrorRate } from "../support/word-error-rate.js";

const RATE = 16_000;
const CALLS = ["sales-call-en", "sales-call-ru"];

describeWithShared("Silero's VAD", () => {
  const vadModel = sharedPath("models/silero-vad-v6.2.0.ggml.bin")!;
  const transcriber = sharedTranscriber({ ...DEMO, vadModel });

  async function regionsOf(samples: Float32Array, blockSize: number): Promise<Region[]> {
    const vad = await loadVadModel(vadModel);
    const session = vad.createSession();
    const regions = new SpeechRegions({
      threshold: 0.5,
      negThreshold: 0.35,
      minSpeechDuration: 0.25,
      minSilenceDuration: 0.1,
      speechPad: 0.03,
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

test("asked for where there is no VAD model and none may be fetched, it is missed by name", async () => {
  const cache = process.env.AGORA_CACHE_DIR;
  process.env.AGORA_CACHE_DIR = await temporaryFolder();
  const transcriber = await createTranscriber({ model: "demo", download: false });
  try {
    const { code, message } = await failure(
      transcriber.transcribe(samplePath("sales-call-en.wav"), { vadFilter: true }),
    );
    expect(code).toBe("MODEL_NOT_FOUND");
    expect(message).toContain("silero");
    expect(message).toContain("agora-transcribe models download");
  } finally {
    await transcriber.close();
    if (cache === undefined) delete process.env.AGORA_CACHE_DIR;
    else process.env.AGORA_CACHE_DIR = cache;
  }
});
