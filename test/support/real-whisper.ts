import { afterAll, describe, inject } from "vitest";
import { createTranscriber, type Transcriber, type TranscriberOptions } from "../../src/index.js";
import type { RealWhisper } from "./real-whisper-models.js";
import "./real-whisper-setup.js";
import { sharedPath } from "./shared-path.js";

const outcome = inject("realWhisper");
/** Whether both are there: real weights and the recordings of the reference material. */
export const thereIsRealWhisper = "models" in outcome && sharedPath("audio") !== undefined;

/** `describe` for tests on real Whisper weights and real recordings; reported as skipped where they are not there. */
export const describeWithRealWhisper = describe.skipIf(!thereIsRealWhisper);

/** The models; only inside {@link describeWithRealWhisper}. */
export function realWhisper(): RealWhisper {
  if (!("models" in outcome)) throw new Error(outcome.missing);
  return outcome.models;
}

/**
 * Real Whisper base, in `float32` unless told otherwise, loaded on first use and shared by the tests of a file that
 * want the same options.
 */
export function realTranscriber(options: TranscriberOptions = {}): Promise<Transcriber> {
  const all = { model: realWhisper().base, computeType: "float32", ...options } as const;
  const key = JSON.stringify(all);
  const known = loaded.get(key);
  if (known) return known;
  const made = createTranscriber(all);
  loaded.set(key, made);
  return made;
}

const loaded = new Map<string, Promise<Transcriber>>();

afterAll(async () => {
  for (const transcriber of loaded.values()) await (await transcriber).close();
});
