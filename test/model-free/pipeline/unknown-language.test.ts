import { describe, expect, it } from "vitest";
import type { TranscribeOptions } from "../../../src/types/options.js";
import { FakeAudio } from "../../support/fake-audio.js";
import {
  bursts,
  FakeEngine,
  type FakeEngineOptions,
  fakeSegment,
  peakLabel,
} from "../../support/fake-engine.js";
import { latch, transcribeFake } from "../../support/transcribe-fake.js";

const named = (language: string, probability: number) => () => [
  { language, probability },
  { language: "en", probability: probability / 2 },
];

/** What a recording is transcribed to by an engine that listens to windows once; checks that any other says the same. */
async function transcribed(
  samples: Float32Array,
  options: FakeEngineOptions,
  request: TranscribeOptions = {},
) {
  const once = new FakeEngine({ ...options, hearsOnce: true });
  const twice = new FakeEngine(options);
  const result = await transcribeFake(new FakeAudio([samples]), once, request);
  const expected = await transcribeFake(new FakeAudio([samples]), twice, request);
  const { stats, ...rest } = expected;
  expect(result).toMatchObject(rest);
  expect(stats.windowCount).toBe(result.stats.windowCount);
  const withoutRequest = ({ windows }: FakeEngine) => windows.map(({ request: _, ...window }) => window);
  expect(withoutRequest(once)).toEqual(withoutRequest(twice));
  return { result, heard: once.heard, heardTwice: twice.heard, windows: once.windows };
}

describe("a recording in an unknown language", () => {
  it("in which nothing is said has no language, whatever it was taken for", async () => {
    const { result } = await transcribed(bursts(2), {
      detect: named("nn", 0.9),
      answer: () => ({ segments: [] }),
    });
    expect(result).toMatchObject({ text: "", language: "", languageProbability: 0 });
    const sound = bursts(2);
    const each = await transcribeFake(
      new FakeAudio([sound, sound.map((sample) => 10 * sample)]),
      new FakeEngine({
        detect: named("nn", 0.9),
        answer: (samples) => {
          const text = peakLabel(samples);
          return { segments: Number(text) >= 10 ? [fakeSegment(text, 0, 1)] : [] };
        },
      }),
      { channels: "each" },
    );
    expect(each).toMatchObject({ language: "nn", channels: [{ language: "" }, { language: "nn" }] });
  });

  it("of one window is listened to once, however short and unsure", async () => {
    const { result, heard, heardTwice } = await transcribed(bursts(1).subarray(0, 7 * 16_000), {
      detect: named("de", 0.3),
    });
    expect(result).toMatchObject({ text: "1", language: "de", languageProbability: expect.closeTo(0.3) });
    expect(heard).toBe(1);
    expect(heardTwice).toBe(2);
  });

  it("has its first window listened to once where that is sure", async () => {
    const { result, heard, windows } = await transcribed(bursts(3, 4), { detect: named("ru", 0.6) });
    expect(result).toMatchObject({ text: "1 2 3", language: "ru", languageProbability: expect.closeTo(0.6) });
    expect(result.languageProbabilities[0]).toEqual({
      language: "ru",
      probability: result.languageProbability,
    });
    expect(windows.map(({ language }) => language)).toEqual(["ru", "ru", "ru"]);
    expect(heard).toBe(3);
  });

  it("has windows listened to once where they are sure, though more of them are needed", async () => {
    const { result, heard } = await transcribed(bursts(5), { detect: named("ru", 0.9) });
    expect(result).toMatchObject({ text: "1 2 3 4 5", language: "ru" });
    expect(heard).toBe(5);
  });

  it("has no text of unsure windows before its language is settled", async () => {
    const { result, heard } = await transcribed(bursts(5, 4), { detect: named("ru", 0.4) });
    expect(result).toMatchObject({ text: "1 2 3 4 5", language: "ru" });
    expect(heard).toBe(4 + 5);
  });

  it("has windows transcribed again that were taken for another language than it is", async () => {
    const { result, heard, windows } = await transcribed(bursts(3), {
      detect: (_, index) => named(index === 0 ? "de" : "ru", index === 0 ? 0.6 : 0.9)(),
      answer: (samples, { language }) => ({
        segments: [fakeSegment(peakLabel(samples) + language, 0, samples.length / 16_000)],
      }),
    });
    expect(result).toMatchObject({ text: "1ru 2ru 3ru", language: "ru" });
    expect(windows.map(({ language }) => language).sort()).toEqual(["de", "ru", "ru", "ru"]);
    expect(heard).toBe(4);
  });

  it("goes by the rules that were given", async () => {
    const unsure = { detect: named("ru", 0.1) };
    expect((await transcribed(bursts(2), unsure, { languageDetectionSegments: 1 })).heard).toBe(2);
    const sure = { detect: named("ru", 0.9) };
    expect((await transcribed(bursts(2, 4), sure, { languageDetectionThreshold: 0.95 })).heard).toBe(4);
  });

  it("has the second window on its way while the first is still written", async () => {
    const second = latch();
    const engine = new FakeEngine({
      hearsOnce: true,
      gate: async (index) => (index === 0 ? second.opened : second.open()),
    });
    expect((await transcribeFake(new FakeAudio([bursts(2, 4)]), engine)).text).toBe("1 2");
  });

  it.each([1, 4])("has windows of %i s wait for the text that they follow on from", async (seconds) => {
    const { windows } = await transcribed(bursts(3, seconds), {}, { conditionOnPreviousText: true });
    expect(windows.map(({ previousText }) => previousText)).toEqual(["", "1", "1 2"]);
  });

  it("in several of them has each window listened to once", async () => {
    const { result, heard } = await transcribed(
      bursts(4),
      { detect: (samples) => named(samples.length % 2 === 0 ? "ru" : "de", 0.2)() },
      { multilingual: true },
    );
    expect(result.text).toBe("1 2 3 4");
    expect(heard).toBe(4);
  });

  it.each(["once", "twice"])("that an engine fails on, listening %s, fails", async (times) => {
    const engine = new FakeEngine({
      hearsOnce: times === "once",
      gate: async () => {
        throw new Error("no");
      },
    });
    await expect(transcribeFake(new FakeAudio([bursts(3, 4)]), engine)).rejects.toMatchObject({
      code: "INTERNAL",
    });
  });

  it("that is cancelled while it is listened to is not written", async () => {
    const controller = new AbortController();
    const engine = new FakeEngine({
      hearsOnce: true,
      detect: () => {
        controller.abort();
        return named("ru", 0.9)();
      },
    });
    const request = transcribeFake(new FakeAudio([bursts(3, 4)]), engine, { signal: controller.signal });
    await expect(request).rejects.toMatchObject({ code: "CANCELLED" });
    expect(engine.heard).toBe(1);
  });
});
