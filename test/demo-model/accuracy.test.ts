import { describe, expect, test } from "vitest";
import type { TranscriptionResult } from "../../src/index.js";
import { DEMO_WITH_VAD, sharedTranscriber } from "../support/demo.js";
import { F16_MODEL, samplePath, sampleText, sampleTurns } from "../support/samples.js";
import { wordErrorRate } from "../support/word-error-rate.js";

const rate = (call: string, { text }: TranscriptionResult): number =>
  wordErrorRate(sampleText(call), text).rate;

describe("8-bit weights", () => {
  const transcriber = sharedTranscriber(DEMO_WITH_VAD);

  test.each([
    ["sales-call-en.wav", "sales-call-en"],
    ["sales-call-ru.wav", "sales-call-ru"],
    ["sales-call-en.stereo.wav", "sales-call-en"],
    ["sales-call-ru.stereo.wav", "sales-call-ru"],
  ])("%s is read nearly without errors", async (file, call) => {
    expect(rate(call, await transcriber().transcribe(samplePath(file)))).toBeLessThanOrEqual(0.03);
  });

  test("a call of seven minutes is read nearly without errors", async () => {
    const result = await transcriber().transcribe(samplePath("long-call-en.flac"));
    expect(rate("long-call-en", result)).toBeLessThanOrEqual(0.03);
    expect(result.duration).toBeCloseTo(428.6, 1);
    expect(result.stats.windowCount).toBeGreaterThanOrEqual(428.6 / 20);
  });

  test.each(["sales-call-en", "sales-call-ru"])(
    "%s: parties on channels of their own are told apart",
    async (call) => {
      const result = await transcriber().transcribe(samplePath(`${call}.stereo.wav`), { channels: "each" });
      const turns = sampleTurns(call);
      const parties = [turns[0]!.speaker, turns.find((turn) => turn.speaker !== turns[0]!.speaker)!.speaker];
      expect(result.channels?.map(({ channel }) => channel)).toEqual([0, 1]);
      for (const { channel, text, language, languageProbability } of result.channels!) {
        const said = turns.filter(({ speaker }) => speaker === parties[channel]).map((turn) => turn.text);
        expect(wordErrorRate(said.join(" "), text).rate).toBeLessThanOrEqual(0.05);
        expect(language).toBe(call.slice(-2));
        expect(languageProbability).toBeGreaterThan(0.9);
      }
      // In order of time the channels' segments make up the conversation.
      expect(rate(call, result)).toBeLessThanOrEqual(0.03);
      const starts = result.segments.map(({ start }) => start);
      expect(starts).toEqual([...starts].sort((a, b) => a - b));
      expect(result.segments.map(({ id }) => id)).toEqual(starts.map((_, i) => i));
      expect(new Set(result.segments.map(({ channel }) => channel))).toEqual(new Set([0, 1]));
    },
  );

  test("one chosen channel gives that party alone", async () => {
    const seller = sampleTurns("sales-call-en").filter(({ speaker }) => speaker === "seller");
    const result = await transcriber().transcribe(samplePath("sales-call-en.stereo.wav"), { channels: 0 });
    const said = seller.map(({ text }) => text).join(" ");
    expect(wordErrorRate(said, result.text).rate).toBeLessThanOrEqual(0.05);
    expect(result.channels).toBeUndefined();
    expect(result.segments.every((segment) => !("channel" in segment))).toBe(true);
  });
});

describe("16-bit weights", () => {
  const transcriber = sharedTranscriber({ ...DEMO_WITH_VAD, model: F16_MODEL });

  test.each(["sales-call-en", "sales-call-ru"])("%s is read nearly without errors", async (call) => {
    const result = await transcriber().transcribe(samplePath(`${call}.wav`), { chunkLength: 20 });
    expect(rate(call, result)).toBeLessThanOrEqual(0.03);
    expect(result.model).toBe("agora-demo-f16.bin");
  });
});
