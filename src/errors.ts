/**
 * Every failure that leaves this package is a {@link TranscriptionError} with one of these codes.
 *
 * | code | meaning |
 * |---|---|
 * | `INVALID_ARGUMENT` | an option or argument has the wrong type, range or combination |
 * | `FILE_NOT_FOUND` | there is no file at the given path |
 * | `UNSUPPORTED_FORMAT` | the input is not audio that can be decoded |
 * | `DECODE_FAILED` | the input claims to be supported audio but is damaged, cut or empty |
 * | `DECODER_UNAVAILABLE` | FFmpeg is missing, cannot be started or cannot work here: no fault of the recording |
 * | `STORAGE_FAILED` | the temporary folder is missing, full or not writable |
 * | `AUDIO_TOO_LONG` | decoded duration above `limits.maxDuration` |
 * | `AUDIO_TOO_LARGE` | encoded size above `limits.maxBytes` |
 * | `MODEL_NOT_FOUND` | no such model, or it is not cached and may not be downloaded |
 * | `MODEL_INVALID` | the model file is damaged or of an unknown kind |
 * | `DEVICE_UNAVAILABLE` | there is no native addon for this system, or the requested device or CPU variant cannot be used |
 * | `OUT_OF_MEMORY` | the model or a batch did not fit |
 * | `QUEUE_FULL` | too much work is waiting; try again later |
 * | `CANCELLED` | the caller's `AbortSignal` fired, or the transcriber was closed |
 * | `DEADLINE_EXCEEDED` | the request took longer than its deadline |
 * | `INTERNAL` | a defect in this package |
 */
export const ERROR_CODES = [
  "INVALID_ARGUMENT",
  "FILE_NOT_FOUND",
  "UNSUPPORTED_FORMAT",
  "DECODE_FAILED",
  "DECODER_UNAVAILABLE",
  "STORAGE_FAILED",
  "AUDIO_TOO_LONG",
  "AUDIO_TOO_LARGE",
  "MODEL_NOT_FOUND",
  "MODEL_INVALID",
  "DEVICE_UNAVAILABLE",
  "OUT_OF_MEMORY",
  "QUEUE_FULL",
  "CANCELLED",
  "DEADLINE_EXCEEDED",
  "INTERNAL",
] as const;

/** What went wrong, for programs: see {@link ERROR_CODES}. */
export type ErrorCode = (typeof ERROR_CODES)[number];

/** The one error class of this package. `message` names the option or file, what was given and what was expected. */
export class TranscriptionError extends Error {
  /** Always `"TranscriptionError"`. */
  override readonly name = "TranscriptionError";

  /** What went wrong, for programs. */
  readonly code: ErrorCode;

  /** The option or argument that is wrong, where `code` is INVALID_ARGUMENT: `"beamSize"`, `"vadOptions.threshold"`. */
  readonly option: string | undefined;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown; option?: string }) {
    super(message, options);
    this.code = code;
    this.option = options?.option;
  }

  /** Wraps anything thrown: coded errors (the addon's too) keep their code, the rest becomes `INTERNAL`. */
  static from(error: unknown): TranscriptionError {
    if (error instanceof TranscriptionError) return error;
    if (error instanceof Error) {
      const { code, option } = error as { code?: unknown; option?: unknown };
      if (isErrorCode(code)) {
        const wrong = typeof option === "string" ? { option } : {};
        return new TranscriptionError(code, error.message, { cause: error, ...wrong });
      }
      return new TranscriptionError("INTERNAL", error.message, { cause: error });
    }
    return new TranscriptionError("INTERNAL", String(error));
  }
}

function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === "string" && (ERROR_CODES as readonly string[]).includes(value);
}

/** “Expected `expected` for `name` but received `value` of type `type`”, as a coded error. */
export function invalidArgument(name: string, expected: string, value: unknown): TranscriptionError {
  const shown = typeof value === "string" ? JSON.stringify(value) : describe(value);
  return new TranscriptionError(
    "INVALID_ARGUMENT",
    `Expected ${expected} for ${name} but received ${shown}`,
    { option: name },
  );
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") {
    return `${value} of type ${typeof value}`;
  }
  if (typeof value === "object") return `an object of type ${value.constructor?.name ?? "Object"}`;
  return `a value of type ${typeof value}`;
}

/** Throws `CANCELLED` when `signal` has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw cancelled(signal);
}

/** The error of an aborted request: `DEADLINE_EXCEEDED` when the signal's reason is a timeout, else `CANCELLED`. */
export function cancelled(signal?: AbortSignal): TranscriptionError {
  const reason: unknown = signal?.reason;
  if (reason instanceof TranscriptionError) return reason;
  if (reason instanceof DOMException && reason.name === "TimeoutError") {
    return new TranscriptionError("DEADLINE_EXCEEDED", "The request's deadline passed", { cause: reason });
  }
  return new TranscriptionError("CANCELLED", "The request was cancelled", { cause: reason });
}
