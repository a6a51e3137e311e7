import { afterAll, beforeAll } from "vitest";
import { createTranscriber, type Transcriber, type TranscriberOptions } from "../../src/index.js";

export { timeErrors } from "./time-errors.js";

/** The demo model without a VAD: most tests speak in bursts of sound, or are about what the model makes of silence. */
export const DEMO = { model: "demo", vadModel: null, download: false } as const satisfies TranscriberOptions;

/** The demo model as users have it: it listens to speech alone. */
export const DEMO_WITH_VAD = { model: "demo", download: false } as const satisfies TranscriberOptions;

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

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
