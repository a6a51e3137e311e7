import { expect } from "vitest";
import { resolveRequest } from "../../src/config/options.js";
import { fitToModel } from "../../src/pipeline/fit-to-model.js";
import { RequestScope } from "../../src/pipeline/request-scope.js";
import { transcribeAudio } from "../../src/pipeline/transcription.js";
import type { TranscribeOptions } from "../../src/types/options.js";
import type { TranscriptionResult } from "../../src/types/result.js";
import type { FakeAudio } from "./fake-audio.js";
import type { FakeEngine, FakeVad } from "./fake-engine.js";

/** Transcribes with fakes, and checks that nothing goes on behind the caller's back whatever the outcome. */
export async function transcribeFake(
  audio: FakeAudio,
  engine: FakeEngine,
  options: TranscribeOptions = {},
  vad?: FakeVad,
): Promise<TranscriptionResult> {
  const request = resolveRequest(options);
  const modelRequest = fitToModel(request, engine);
  const scope = new RequestScope(request.signal, request.timeout);
  try {
    return await transcribeAudio({
      audio,
      engine,
      vad,
      request,
      modelRequest,
      scope,
      startedAt: performance.now(),
    });
  } finally {
    scope.close();
    expect(engine.running).toBe(0);
    expect(vad?.open ?? 0).toBe(0);
  }
}

/** One turn of the event loop. */
export const pause = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A promise and the function that settles it. */
export function latch(): { opened: Promise<void>; open: () => void } {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
