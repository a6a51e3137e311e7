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

type Channels = Parameters<typeof openAudio>[1]["channels"];
type Request = Pick<ResolvedRequest, "signal" | "timeout" | "track" | "limits">;

/**
 * Does `work` with a recording, which is closed afterwards.
 * @throws TranscriptionError what ended the request first, be it `work`, its signal or its timeout
 */
export function withRecording<T>(
  input: AudioInput,
  request: Request,
  channels: Channels,
  loading: Partial<TranscriberOptions>,
  work: (audio: DecodedAudio, means: RecordingMeans) => Promise<T>,
): Promise<T> {
  return inScope(input, request, channels, async (scope, open) => {
    let vad: Promise<Lease<VadModel>> | undefined;
    const findVad = async (): Promise<VadModel> => {
      vad ??= acquireVad(true, loading, scope.signal).then((lease) => lease!);
      return (await vad).value;
    };
    try {
      return await work(await open(), { scope, findVad });
    } finally {
      await vad?.then(
        (lease) => lease.release(KEEP_LOADED),
        () => {},
      );
    }
  });
}

/**
 * Does `work` as a request about a recording, which is closed afterwards if it was opened.
 * @param work gets what opens it, once
 * @throws TranscriptionError as {@link withRecording}
 */
export async function inScope<T>(
  input: AudioInput,
  request: Request,
  channels: Channels,
  work: (scope: RequestScope, open: () => Promise<DecodedAudio>) => Promise<T>,
): Promise<T> {
  const { track, limits } = request;
  const scope = new RequestScope(request.signal, request.timeout);
  let audio: DecodedAudio | undefined;
  const open = async (): Promise<DecodedAudio> => {
    audio = await openAudio(input, { channels, track, limits, signal: scope.signal });
    return audio;
  };
  try {
    scope.throwIfEnded();
    return await work(scope, open);
  } catch (error) {
    throw scope.fail(error);
  } finally {
    scope.close();
    await audio?.close();
  }
}
