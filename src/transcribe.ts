import { resolveRequest, resolveTranscriberOptions, splitOptions } from "./config/options.js";
import { loadTranscriber } from "./loaded-transcriber.js";
import { RequestScope } from "./pipeline/request-scope.js";
import type { AudioInput } from "./types/audio.js";
import type { TranscribeOptions, TranscriberOptions } from "./types/options.js";
import type { TranscriptionResult } from "./types/result.js";
import type { Transcriber } from "./types/transcriber.js";

/** Seconds that {@link transcribe} keeps its model loaded for the next call. */
const KEEP_LOADED = 30;

/**
 * Loads a model, downloading it first where it is neither bundled nor cached and `download` allows it.
 * @throws TranscriptionError INVALID_ARGUMENT, MODEL_NOT_FOUND, MODEL_INVALID, DEVICE_UNAVAILABLE, OUT_OF_MEMORY,
 *   CANCELLED when `options.signal` fires
 */
export async function createTranscriber(options: TranscriberOptions = {}): Promise<Transcriber> {
  const { signal, ...checked } = resolveTranscriberOptions(options);
  const scope = new RequestScope(signal);
  const loading = loadTranscriber(checked, scope.signal);
  try {
    return await scope.race(loading);
  } catch (error) {
    // What is loaded all the same has nobody to close it.
    loading.then((loaded) => loaded.close()).catch(() => {});
    throw error;
  } finally {
    scope.close();
  }
}

/**
 * Text of one recording, with a model that is loaded for it and kept for 30 s in case there is another. For many
 * recordings, or to decide when memory is freed, use {@link createTranscriber}. `timeout` and `signal` cover loading.
 * @throws TranscriptionError with any of `ERROR_CODES`
 */
export async function transcribe(
  input: AudioInput,
  options: TranscribeOptions & TranscriberOptions = {},
): Promise<TranscriptionResult> {
  const { transcriber, request } = splitOptions(options);
  const { signal, timeout } = resolveRequest(request);
  const scope = new RequestScope(signal, timeout);
  const loading = loadTranscriber(transcriber, scope.signal);
  try {
    const loaded = await scope.race(loading);
    const { timeout: _, ...rest } = request;
    return await loaded.transcribe(input, { ...rest, signal: scope.signal });
  } finally {
    scope.close();
    // A model that is still being loaded when the call is cancelled stays for the next call, too.
    loading.then((loaded) => loaded.release(KEEP_LOADED)).catch(() => {});
  }
}
