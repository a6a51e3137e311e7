import { type ErrorCode, TranscriptionError } from "../../index.js";
import { Forbidden } from "../../service/access.js";
import { ClientGone, Unavailable } from "../../service/call/call.js";
import { CorrectionsChanged } from "../../service/jobs/corrections.js";
import { IdempotencyKeyReused } from "../../service/jobs/order.js";
import { AlreadyThere } from "../../service/models/downloads.js";
import { RecordingsFull } from "../../service/recordings/store.js";
import { cut } from "../../service/text.js";
import { withVariableNames } from "../../service/told-settings.js";

/** What goes wrong besides the library's errors. */
export type Reason =
  | ErrorCode
  | "UNAVAILABLE"
  | "UNAUTHENTICATED"
  | "FORBIDDEN"
  | "NOT_FOUND"
  | "METHOD_NOT_ALLOWED"
  | "CONFLICT"
  | "CORRECTIONS_CHANGED"
  | "PRECONDITION_REQUIRED"
  | "IDEMPOTENCY_KEY_REUSED"
  | "RANGE_NOT_SATISFIABLE"
  | "RECORDINGS_FULL"
  | "UNSUPPORTED_MEDIA_TYPE"
  | "REQUEST_TOO_LARGE";

/** `type` of an error in OpenAI's API. */
type Type = "invalid_request_error" | "authentication_error" | "rate_limit_error" | "server_error";

interface Meaning {
  status: number;
  type: Type;
  /** Whether the same request may succeed later: clients try again by themselves when they are not told otherwise. */
  retry: boolean;
  /** `code` of the answer, where clients compare it with OpenAI's. */
  code?: string;
}

const wrong = (status: number, code?: string): Meaning => ({
  status,
  type: "invalid_request_error",
  retry: false,
  ...(code !== undefined && { code }),
});
const ours = (status: number, retry: boolean): Meaning => ({ status, type: "server_error", retry });

/** Every failure of this server as an HTTP status; `docs/http.md` has the same table. */
export const MEANINGS: Readonly<Record<Reason, Meaning>> = {
  INVALID_ARGUMENT: wrong(400),
  UNSUPPORTED_FORMAT: wrong(400),
  DECODE_FAILED: wrong(400),
  AUDIO_TOO_LONG: wrong(400),
  UNAUTHENTICATED: { status: 401, type: "authentication_error", retry: false, code: "invalid_api_key" },
  FORBIDDEN: wrong(403),
  NOT_FOUND: wrong(404),
  // Of a path, which no request has.
  FILE_NOT_FOUND: wrong(404),
  MODEL_NOT_FOUND: wrong(404, "model_not_found"),
  METHOD_NOT_ALLOWED: wrong(405),
  CONFLICT: wrong(409),
  CORRECTIONS_CHANGED: wrong(412),
  AUDIO_TOO_LARGE: wrong(413),
  REQUEST_TOO_LARGE: wrong(413),
  UNSUPPORTED_MEDIA_TYPE: wrong(415),
  IDEMPOTENCY_KEY_REUSED: wrong(422),
  RANGE_NOT_SATISFIABLE: wrong(416),
  PRECONDITION_REQUIRED: wrong(428),
  QUEUE_FULL: { status: 429, type: "rate_limit_error", retry: true },
  // Nobody reads it: a status for the log, by nginx's convention.
  CANCELLED: ours(499, false),
  INTERNAL: ours(500, false),
  MODEL_INVALID: ours(500, false),
  UNAVAILABLE: ours(503, true),
  OUT_OF_MEMORY: ours(503, true),
  DEVICE_UNAVAILABLE: ours(503, true),
  DECODER_UNAVAILABLE: ours(503, true),
  STORAGE_FAILED: ours(503, true),
  RECORDINGS_FULL: ours(507, false),
  // Another attempt would take as long.
  DEADLINE_EXCEEDED: ours(504, false),
};

/** A refusal of the door itself. */
export class Refusal extends Error {
  override readonly name = "Refusal";

  /** @param param field of the request that is wrong @param headers of the answer */
  constructor(
    readonly reason: Reason,
    message: string,
    readonly param?: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

/** What {@link MEANINGS} knows an error by. */
export function reasonOf(error: unknown): Reason {
  if (error instanceof Refusal) return error.reason;
  if (error instanceof IdempotencyKeyReused) return "IDEMPOTENCY_KEY_REUSED";
  if (error instanceof AlreadyThere) return "CONFLICT";
  if (error instanceof Forbidden) return "FORBIDDEN";
  if (error instanceof CorrectionsChanged) return "CORRECTIONS_CHANGED";
  if (error instanceof RecordingsFull) return "RECORDINGS_FULL";
  if (error instanceof Unavailable) return "UNAVAILABLE";
  if (error instanceof ClientGone) return "CANCELLED";
  return TranscriptionError.from(error).code;
}

/** A failure as it is answered, whatever the form of the answer. */
export interface Failure extends Meaning {
  reason: Reason;
  message: string;
  /** Field of the request that is wrong. */
  param: string | undefined;
  headers: Readonly<Record<string, string>>;
}

/** Characters of a message. */
const LONGEST = 1000;
/** Retry hint in seconds of a server that is starting or shutting down: another one takes over meanwhile. */
const RESTART_SECONDS = 1;

/**
 * @param requestId what a defect is found by in the log, which alone tells more of it
 * @param retryAfter seconds, for failures that may go away
 */
export function failureOf(error: unknown, requestId: string, retryAfter: number): Failure {
  const reason = reasonOf(error);
  const meaning = MEANINGS[reason];
  const message =
    reason === "INTERNAL"
      ? `Internal error, see ${requestId} in the server's log`
      : cut(withVariableNames((error as Error).message), LONGEST);
  const seconds = reason === "UNAVAILABLE" ? RESTART_SECONDS : Math.ceil(retryAfter);
  const own = error instanceof Refusal ? error.headers : {};
  return {
    ...meaning,
    reason,
    message,
    param: paramOf(error),
    headers: {
      ...(meaning.retry ? { "retry-after": String(seconds) } : { "x-should-retry": "false" }),
      ...own,
    },
  };
}

function paramOf(error: unknown): string | undefined {
  if (error instanceof Refusal) return error.param;
  const option = error instanceof TranscriptionError ? error.option : undefined;
  return option === undefined ? undefined : cut(option);
}

/** OpenAI's form of a failure. */
export function openaiError({ message, type, param, code, reason }: Failure): object {
  return { error: { message, type, param: param ?? null, code: code ?? reason } };
}

/** The form of a failure for clients of recordings, which look at `success`. */
export function recordingError({ message, code, reason }: Failure, requestId: string): object {
  return { success: false, error: message, code: code ?? reason, request_id: requestId };
}

/** The form of a failure for clients of speaches that look after models. */
export function modelError({ message, code, reason }: Failure, requestId: string): object {
  return { message, code: code ?? reason, request_id: requestId };
}

/** What Deepgram calls failures that its clients may look for. */
const DEEPGRAM_CODES: Readonly<Partial<Record<Reason, string>>> = {
  INVALID_ARGUMENT: "Bad Request",
  DECODE_FAILED: "Bad Request",
  UNSUPPORTED_FORMAT: "Bad Request",
  UNAUTHENTICATED: "INVALID_AUTH",
  FORBIDDEN: "INSUFFICIENT_PERMISSIONS",
  QUEUE_FULL: "TOO_MANY_REQUESTS",
  AUDIO_TOO_LARGE: "PAYLOAD_TOO_LARGE",
  REQUEST_TOO_LARGE: "PAYLOAD_TOO_LARGE",
  DEADLINE_EXCEEDED: "GATEWAY_TIMEOUT",
};

/** The form of a failure for clients of Deepgram. */
export function deepgramError({ message, reason }: Failure, requestId: string): object {
  return { err_code: DEEPGRAM_CODES[reason] ?? reason, err_msg: message, request_id: requestId };
}
