import { readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type AudioInput,
  COMPUTE_TYPES,
  createTranscriber,
  type Transcriber,
  type TranscriptionResult,
} from "../../src/index.js";
import { DEMO_WITH_VAD, median, timeErrors } from "../support/demo.js";
import { newCall } from "../support/new-call.js";
import { samplePath, sampleTurns, type Turn } from "../support/samples.js";
import { wordErrorRate } from "../support/word-error-rate.js";

const computeTypes = COMPUTE_TYPES.filter((type) => type !== "auto");
interface Recording {
  name: string;
  input: AudioInput;
  turns: Turn[];
}

/** The call of seven minutes takes bench/accuracy/demo.ts, for it is seven times as long as each of these. */
const SAMPLES: Recording[] = readdirSync(samplePath("."))
  .filter((file) => file.endsWith(".wav"))
  .sort()
  .map((file) => ({ name: file, input: samplePath(file), turns: sampleTurns(file.split(".")[0]!) }));
/** Calls that the model has not been tried on. */
const NEW_CALLS: Recording[] = ["sales-call-en", "sales-call-ru"].flatMap((call) =>
  [11, 12].map((seed) => ({ name: `${call} put together anew (${seed})`, ...newCall(call, seed) })),
);
const RECORDINGS = [...SAMPLES, ...NEW_CALLS];
const rate = ({ turns }: Recording, { text }: TranscriptionResult): number =>
  wordErrorRate(turns.map((turn) => turn.text).join(" "), text).rate;

const references = new Map<string, TranscriptionResult>();
beforeAll(async () => {
  const transcriber = await createTranscriber({ ...DEMO_WITH_VAD, implementation: "whisper-cpp" });
  for (const { name, input } of RECORDINGS) references.set(name, await transcriber.transcribe(input));
  await transcriber.close();
});

describe.each(computeTypes)("%s", (computeType) => {
  let transcriber: Transcriber;
  beforeAll(async () => {
    transcriber = await createTranscriber({ ...DEMO_WITH_VAD, implementation: "whisper", computeType });
  });
  afterAll(() => transcriber.close());

  test.each(RECORDINGS)("reads $name as well as whisper.cpp does, at the same times", async (recording) => {
    const result = await transcriber.transcribe(recording.input, { wordTimestamps: true });
    const reference = references.get(recording.name)!;
    expect(result.computeType).toBe(computeType);
    expect(rate(recording, result)).toBeLessThanOrEqual(rate(recording, reference) + 0.003);
    expect(median(timeErrors(reference.segments, result.segments))).toBeLessThanOrEqual(0.2);
    // First and last words begin and end with the turns.
    const ends = result.segments.map(({ words }) => ({ ...words![0]!, end: words!.at(-1)!.end }));
    const errors = timeErrors(recording.turns, ends);
    const [starts, stops] = [0, 1].map((side) => errors.filter((_, i) => i % 2 === side));
    expect(median(starts!)).toBeLessThanOrEqual(0.15);
    expect(median(stops!)).toBeLessThanOrEqual(0.15);
  });
});
