import { openAudio } from "../audio/open.js";
import type { ResolvedRequest } from "../config/options.js";
import { acquireVad } from "../engine/loading.js";
import type { Lease } from "../engine/shared.js";
import type { AudioInput, DecodedAudio } from "../types/audio.js";
import type { VadModel } from "../types/engine.js";
import type { TranscriberOptions } from "../types/options.js";
import { RequestScope } from "./request-scope.js";

/** Seconds that a VAD model is kept loaded for the next call. */
const KEEP_LOADED = 30;

/** What is at hand for a request about a recording that needs no transcriber. */
export interface RecordingMeans {
  scope: RequestScope;
  /** A VAD model, loaded when it is first asked for; there for as long as the request. */
  findVad(): Promise<VadModel>;
}

/**
 * Does `work` with a recording, which is closed afterwards.
 * @throws TranscriptionError what ended the request first, be it `work`, its signal or its timeout
 */
export async function withRecording<T>(
  input: AudioInput,
  request: Pick<ResolvedRequest, "signal" | "timeout" | "track" | "limits">,
  channels: Parameters<typeof openAudio>[1]["channels"],
  loading: Partial<TranscriberOptions>,
  work: (audio: DecodedAudio, means: RecordingMeans) => Promise<T>,
): Promise<T> {
  const scope = new RequestScope(request.signal, request.timeout);
  let audio: DecodedAudio | undefined;
  let vad: Promise<Lease<VadModel>> | undefined;
  const findVad = async (): Promise<VadModel> => {
    vad ??= acquireVad(true, loading, scope.signal).then((lease) => lease!);
    return (await vad).value;
  };
  try {
    scope.throwIfEnded();
    const { track, limits } = request;
    audio = await openAudio(input, { channels, track, limits, signal: scope.signal });
    return await work(audio, { scope, findVad });
  } catch (error) {
    throw scope.fail(error);
  } finally {
    scope.close();
    await vad?.then(
      (lease) => lease.release(KEEP_LOADED),
      () => {},
    );
    await audio?.close();
  }
}
