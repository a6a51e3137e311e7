import { TranscriptionError } from "../../index.js";
import type { Call } from "../call/call.js";
import { type ServerSettings, variableOf } from "../settings.js";
import { within } from "../timers.js";
import type { Upload } from "../upload.js";
import { type OpenRecording, storeFailure } from "./store.js";

/**
 * Copies a recording into `upload` for as long as a call works with it, within the limits that uploads have.
 * @throws TranscriptionError AUDIO_TOO_LARGE, STORAGE_FAILED, QUEUE_FULL (disk); the reason of the call's signal
 */
export async function fetchInto(
  upload: Upload,
  { read, recording }: OpenRecording,
  call: Call,
  { idleTimeout, maxUploadBytes, uploadTimeout }: ServerSettings,
): Promise<void> {
  if ((recording.bytes ?? 0) > maxUploadBytes) {
    const message = `The recording is larger than limits.maxBytes (${maxUploadBytes} bytes): it has ${recording.bytes}`;
    throw new TranscriptionError("AUDIO_TOO_LARGE", message);
  }
  const limit = `${variableOf("uploadTimeout")} (${uploadTimeout} s)`;
  call.expireAfter(uploadTimeout, `The recording did not come from its store within ${limit}`);
  const stream = await read(undefined, call.signal);
  // What breaks after the last piece that was waited for.
  stream.on("error", () => {});
  const pieces = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  try {
    for (;;) {
      const coming = call.race(pieces.next().catch(isBroken));
      if (!(await within(coming.then(noop, noop), idleTimeout)))
        throw storeFailure(`it has sent nothing for ${variableOf("idleTimeout")} (${idleTimeout} s)`);
      const next = await coming;
      if (next.done) break;
      await upload.write(next.value);
    }
    if (recording.bytes !== undefined && upload.bytes !== recording.bytes)
      throw storeFailure(`it has sent ${upload.bytes} bytes of ${recording.bytes}`);
    // What takes time from here on is something else.
    call.expireAfter(Number.POSITIVE_INFINITY, "");
  } finally {
    stream.destroy();
  }
}

function noop(): void {}

function isBroken(error: unknown): never {
  throw error instanceof TranscriptionError ? error : storeFailure("the connection to it broke", error);
}
