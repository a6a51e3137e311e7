import { readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  COMPUTE_TYPES,
  createTranscriber,
  type Transcriber,
  type TranscriptionResult,
} from "../../src/index.js";
import { DEMO, median, timeErrors } from "../support/demo.js";
import { samplePath, sampleText, sampleTurns } from "../support/samples.js";
import { wordErrorRate } from "../support/word-error-rate.js";

const computeTypes = COMPUTE_TYPES.filter((type) => type !== "auto");
/** The call of seven minutes takes bench/accuracy.ts, for it is seven times as long as all of these. */
const RECORDINGS = readdirSync(samplePath("."))
  .filter((file) => file.endsWith(".wav"))
  .sort();
const callOf = (file: string): string => file.split(".")[0]!;
const rate = (file: string, { text }: TranscriptionResult): number =>
  wordErrorRate(sampleText(callOf(file)), text).rate;

const references = new Map<string, TranscriptionResult>();
beforeAll(async () => {
  const transcriber = await createTranscriber({ ...DEMO, implementation: "whisper-cpp" });
  for (const file of RECORDINGS) references.set(file, await transcriber.transcribe(samplePath(file)));
  await transcriber.close();
});

describe.each(computeTypes)("%s", (computeType) => {
  let transcriber: Transcriber;
  beforeAll(async () => {
    transcriber = await createTranscriber({ ...DEMO, implementation: "whisper", computeType });
  });
  afterAll(() => transcriber.close());

  test.each(RECORDINGS)("reads %s as well as whisper.cpp does, at the same times", async (file) => {
    const result = await transcriber.transcribe(samplePath(file), { wordTimestamps: true });
    const reference = references.get(file)!;
    expect(result.computeType).toBe(computeType);
    expect(rate(file, result)).toBeLessThanOrEqual(rate(file, reference) + 0.003);
    expect(median(timeErrors(reference.segments, result.segments))).toBeLessThanOrEqual(0.2);
    // First and last words begin and end with the turns.
    const ends = result.segments.map(({ words }) => ({ ...words![0]!, end: words!.at(-1)!.end }));
    const errors = timeErrors(sampleTurns(callOf(file)), ends);
    const [starts, stops] = [0, 1].map((side) => errors.filter((_, i) => i % 2 === side));
    expect(median(starts!)).toBeLessThanOrEqual(0.15);
    expect(median(stops!)).toBeLessThanOrEqual(0.15);
  });
});
