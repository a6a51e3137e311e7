import { describe, expect, test } from "vitest";
import { cudaDirectory } from "../../src/addon/cuda.js";
import { createTranscriber } from "../../src/index.js";
import { codeOf, DEMO, median, sharedTranscriber, timeErrors } from "../support/demo.js";
import { F16_MODEL, sampleAudio, samplePath, sampleText, sampleTurns } from "../support/samples.js";
import { wordErrorRate } from "../support/word-error-rate.js";

const BATCHED = { ...DEMO, implementation: "whisper" } as const;
const CALLS = [
  ["sales-call-en", "sales-call-en.wav"],
  ["sales-call-ru", "sales-call-ru.wav"],
  ["long-call-en", "long-call-en.flac"],
] as const;

const transcriber = sharedTranscriber(BATCHED);

describe("the batched engine", () => {
  test.each(CALLS)("reads %s as well as whisper.cpp does", async (call, file) => {
    const reference = await createTranscriber({ ...DEMO, implementation: "whisper-cpp" });
    const expected = await reference.transcribe(samplePath(file));
    await reference.close();
    const result = await transcriber().transcribe(samplePath(file));
    const rate = (text: string): number => wordErrorRate(sampleText(call), text).rate;
    expect(result.implementation).toBe("whisper");
    expect(rate(result.text)).toBeLessThanOrEqual(rate(expected.text) + 0.003);
    expect(result.language).toBe(expected.language);
    const turns = sampleTurns(call);
    expect(median(timeErrors(turns, result.segments))).toBeLessThanOrEqual(0.1);
  });

  test("reads 16-bit weights", async () => {
    const wide = await createTranscriber({ ...BATCHED, model: F16_MODEL });
    const result = await wide.transcribe(samplePath("sales-call-en.wav"), { chunkLength: 20 });
    await wide.close();
    expect(wordErrorRate(sampleText("sales-call-en"), result.text).rate).toBeLessThanOrEqual(0.02);
  });

  test.each(CALLS)("times the words of %s", async (call, file) => {
    const { segments } = await transcriber().transcribe(samplePath(file), { wordTimestamps: true });
    const turns = sampleTurns(call);
    const ends = segments.map(({ words }) => ({ ...words![0]!, end: words!.at(-1)!.end }));
    expect(median(timeErrors(turns, ends))).toBeLessThanOrEqual(0.15);
    for (const { start, end, text, words } of segments) {
      expect(words!.map((word) => word.text).join(" ")).toBe(text);
      expect(words!.every((word, i) => word.start >= (words![i - 1]?.end ?? start) - 1e-6)).toBe(true);
      expect(words!.at(-1)!.end).toBeLessThanOrEqual(end + 1e-6);
      expect(words!.every(({ confidence }) => confidence > 0 && confidence <= 1)).toBe(true);
    }
  });

  test("gives requests at once the results that they get alone", async () => {
    const clips = [0, 6, 14, 20, 27, 33].map((from) => sampleAudio("sales-call-en", from, from + 11));
    const options = [{}, { beamSize: 3 }, { temperature: 0.4, seed: 7 }, { wordTimestamps: true }];
    const requests = clips.flatMap((clip) => options.map((each) => ({ clip, each })));
    const alone = await createTranscriber({ ...BATCHED, batchSize: 1 });
    const expected = [];
    for (const { clip, each } of requests) expected.push((await alone.transcribe(clip, each)).segments);
    await alone.close();
    const together = await Promise.all(
      requests.map(({ clip, each }) => transcriber().transcribe(clip, each)),
    );
    expect(together.map(({ segments }) => segments)).toEqual(expected);
  });

  test("lets a cancelled request go and finishes the others", async () => {
    const clip = sampleAudio("sales-call-en", 0, 11);
    const { text } = await transcriber().transcribe(clip, { language: "en" });
    const others = Promise.all([1, 2, 3].map(() => transcriber().transcribe(clip, { language: "en" })));
    const cancelled = [0, 5, 30, 80].map((delay) =>
      codeOf(
        transcriber().transcribe(samplePath("long-call-en.flac"), { signal: AbortSignal.timeout(delay) }),
      ),
    );
    expect(await Promise.all(cancelled)).toEqual(cancelled.map(() => "DEADLINE_EXCEEDED"));
    expect((await others).map((result) => result.text)).toEqual([text, text, text]);
  });

  test("takes a prompt of any length, and counts its tokens as Whisper does", async () => {
    const clip = sampleAudio("sales-call-en", 0, 8);
    const { text } = await transcriber().transcribe(clip);
    for (const initialPrompt of [
      "Routers and tablets.",
      "Привет, мир! ".repeat(2000),
      "日本語 \u{1F600} \u0301",
    ]) {
      const result = await transcriber().transcribe(clip, { initialPrompt });
      expect(wordErrorRate(text, result.text).rate).toBeLessThanOrEqual(0.5);
    }
  });

  test.skipIf(cudaDirectory() !== undefined)("refuses CUDA in a build without it", async () => {
    expect(await codeOf(createTranscriber({ ...BATCHED, device: "cuda" }))).toBe("DEVICE_UNAVAILABLE");
  });

  test("waits for running windows when it is closed", async () => {
    const own = await createTranscriber({ ...BATCHED, threads: 1 });
    const running = own.transcribe(sampleAudio("sales-call-en", 0, 11));
    await own.close();
    expect((await running).text).toContain("phone number");
    expect(await codeOf(own.transcribe(sampleAudio("sales-call-en", 0, 1)))).toBe("CANCELLED");
  });
});
