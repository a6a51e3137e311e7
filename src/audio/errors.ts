import { invalidArgument, TranscriptionError } from "../errors.js";

/** The input claims to be supported audio but is damaged, cut or empty. `name` is the input as messages call it. */
export function decodeFailed(name: string, reason: string, cause?: unknown): TranscriptionError {
  return new TranscriptionError("DECODE_FAILED", `Cannot decode ${name}: ${reason}`, { cause });
}

/** FFmpeg cannot do its work here, whatever the recording is. @param path of the program */
export function decoderUnavailable(path: string, reason: string, cause?: unknown): TranscriptionError {
  const message = `The decoder ${path} (AGORA_FFMPEG or PATH) cannot be used: ${reason}`;
  return new TranscriptionError("DECODER_UNAVAILABLE", message, { cause });
}

/** The input is not audio, or not of a kind that can be decoded here. */
export function unsupportedFormat(name: string, reason: string): TranscriptionError {
  return new TranscriptionError("UNSUPPORTED_FORMAT", `Cannot decode ${name}: ${reason}`);
}

/** @param bytes the size, where it is known */
export function audioTooLarge(name: string, maxBytes: number, bytes?: number): TranscriptionError {
  const size = bytes === undefined ? "its size" : `its size of ${bytes} bytes`;
  return new TranscriptionError(
    "AUDIO_TOO_LARGE",
    `Cannot decode ${name}: ${size} is above limits.maxBytes (${maxBytes})`,
  );
}

/** @param duration seconds, where they are known */
export function audioTooLong(name: string, maxDuration: number, duration?: number): TranscriptionError {
  const length = duration === undefined ? "its duration" : `its duration of ${duration.toFixed(1)} s`;
  const hours = maxDuration >= 3600 ? ` = ${Number((maxDuration / 3600).toFixed(1))} h` : "";
  const limit = `limits.maxDuration (${maxDuration} s${hours})`;
  return new TranscriptionError("AUDIO_TOO_LONG", `Cannot decode ${name}: ${length} is above ${limit}`);
}

/** The chosen track does not exist. */
export function noSuchTrack(track: number, count: number): TranscriptionError {
  const there = count === 1 ? "1 audio track" : `${count} audio tracks`;
  return invalidArgument("track", `an index below ${count} (the recording has ${there})`, track);
}
