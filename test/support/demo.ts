import { afterAll, beforeAll } from "vitest";
import {
  createTranscriber,
  type Segment,
  type Transcriber,
  type TranscriberOptions,
  type Word,
} from "../../src/index.js";
import type { Turn } from "./samples.js";

/** The demo model, whatever this machine's cache holds. */
export const DEMO = { model: "demo", vadModel: null, download: false } as const satisfies TranscriberOptions;

/** A transcriber that the tests of a file share: loaded before them, closed after them. */
export function sharedTranscriber(options: TranscriberOptions = DEMO): () => Transcriber {
  let transcriber: Transcriber;
  beforeAll(async () => {
    transcriber = await createTranscriber(options);
  });
  afterAll(() => transcriber.close());
  return () => transcriber;
}

/** The code and message that `work` rejects with; `"ok"` when it does not reject. */
export async function failure(work: Promise<unknown>): Promise<{ code: unknown; message: string }> {
  return work.then(
    () => ({ code: "ok", message: "" }),
    (error) => ({ code: error.code ?? error, message: String(error.message) }),
  );
}

/** The code that `work` rejects with; `"ok"` when it does not reject. */
export async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return (await failure(work)).code;
}

/** For each turn, how far off the start and end are of the piece that overlaps it most, in seconds. */
export function timeErrors(turns: readonly Turn[], pieces: readonly (Segment | Word)[]): number[] {
  return turns.flatMap((turn) => {
    const overlap = ({ start, end }: { start: number; end: number }): number =>
      Math.min(end, turn.end) - Math.max(start, turn.start);
    const piece = pieces.reduce((best, each) => (overlap(each) > overlap(best) ? each : best));
    return [Math.abs(piece.start - turn.start), Math.abs(piece.end - turn.end)];
  });
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
