import type { ResolvedDiarization } from "../config/diarization.js";
import { acquireDiarizer } from "../engine/loading.js";
import type { Lease } from "../engine/shared.js";
import type { TranscriberOptions } from "../types/options.js";
import type { Diarizer } from "../types/speakers.js";
import type { RequestScope } from "./request-scope.js";

/** Seconds that a diarization model stays loaded for the next request. */
export const KEEP_DIARIZER = 30;

/**
 * The diarization model of a request, as long as it goes on. @param options how models are loaded
 * @throws TranscriptionError as `acquireDiarizer`; what the request ends with
 */
export async function leaseDiarizer(
  request: Pick<ResolvedDiarization, "engine" | "model" | "download">,
  options: TranscriberOptions,
  scope: RequestScope,
): Promise<Lease<Diarizer>> {
  const { download = options.download } = request;
  const how = download === undefined ? options : { ...options, download };
  const loading = acquireDiarizer(request, how, scope.signal);
  return scope.race(loading).catch((error: unknown) => {
    loading.then((late) => late.release()).catch(() => {});
    throw error;
  });
}
