import { setTimeout as sleep } from "node:timers/promises";
import { TranscriptionError } from "../errors.js";
import { detectAndTranscribe } from "../pipeline/detect-and-transcribe.js";
import type { ModelRequest } from "../pipeline/fit-to-model.js";
import type { Engine, UnknownLanguageOptions, WindowResult } from "../types/engine.js";
import type { Sound } from "./policy.js";

/** What the passes of a stream have in common. */
export interface PassMeans {
  engine: Engine;
  modelRequest: ModelRequest;
  /** Number of the stream among the requests of the engine. */
  request: number;
  signal: AbortSignal;
}

/** Milliseconds after which a pass that found the engine full tries again. */
const AGAIN = 200;

/** Does `pass` as soon as the engine has room for it: others may have filled its queue. */
export async function whenThereIsRoom<T>(signal: AbortSignal, pass: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await pass();
    } catch (error) {
      if (TranscriptionError.from(error).code !== "QUEUE_FULL") throw error;
      await sleep(AGAIN, undefined, { signal }).catch(() => {});
      signal.throwIfAborted();
    }
  }
}

/** A pass over a sound as over a window of a recording, with all the guards that those have. */
export async function passOver(
  { engine, modelRequest, request, signal }: PassMeans,
  { samples, spoken, language }: Sound,
  isLast: boolean,
): Promise<WindowResult & { detected?: { language: string; probability: number } }> {
  const { window } = modelRequest;
  const options: UnknownLanguageOptions = {
    ...window,
    request,
    priority: "live",
    speech: spoken,
    previousText: "",
    // Text that is not good enough yet will be when there is more of the sound.
    temperatures: isLast ? window.temperatures : window.temperatures.slice(0, 1),
  };
  // The engine keeps what it is given for as long as it works on it; the sound's samples may move.
  const own = samples.slice();
  return whenThereIsRoom(signal, async () => {
    if (language !== undefined) return engine.transcribeWindow(own, { ...options, language }, signal);
    let detected: { language: string; probability: number } | undefined;
    const use = {
      transcribeFrom: 0,
      onDetected: (detection: { language: string; probability: number }) => {
        detected = { language: detection.language, probability: detection.probability };
      },
    };
    const result = await detectAndTranscribe(engine, own, options, use, signal);
    return { ...(result ?? { segments: [] }), ...(detected && { detected }) };
  });
}
