import { Metadata, status } from "@grpc/grpc-js";
import { type ErrorCode, TranscriptionError } from "../../index.js";
import { ClientGone, Unavailable } from "../../service/call/call.js";
import { cut } from "../../service/text.js";
import { withVariableNames } from "../../service/told-settings.js";
import { LONGEST_STATUS } from "./answering-call.js";
import { MalformedMessage, UnsupportedEncoding } from "./messages/unreadable.js";
import { DETAILS_KEY, encodeStatus } from "./status-details.js";
import { ResultTooLarge } from "./v2/result-size.js";

/** What goes wrong besides the library's errors. */
export type Reason =
  | ErrorCode
  | "RESULT_TOO_LARGE"
  | "UNAVAILABLE"
  | "UNAUTHENTICATED"
  | "UNSUPPORTED_ENCODING"
  | "MALFORMED_MESSAGE";

interface Meaning {
  status: status;
  /** Whether the same request may succeed later; its retry hint says when. */
  retry: boolean;
}

const no = (code: status): Meaning => ({ status: code, retry: false });
const later = (code: status): Meaning => ({ status: code, retry: true });

/** Every failure of this server as a gRPC status; `proto/v2/transcription.proto` documents the same table. */
export const MEANINGS: Record<Reason, Meaning> = {
  INVALID_ARGUMENT: no(status.INVALID_ARGUMENT),
  // Of a path, which no request has.
  FILE_NOT_FOUND: no(status.NOT_FOUND),
  UNSUPPORTED_FORMAT: no(status.INVALID_ARGUMENT),
  DECODE_FAILED: no(status.INVALID_ARGUMENT),
  DECODER_UNAVAILABLE: later(status.UNAVAILABLE),
  STORAGE_FAILED: later(status.UNAVAILABLE),
  AUDIO_TOO_LONG: no(status.INVALID_ARGUMENT),
  // As gRPC says of one message that is too large.
  AUDIO_TOO_LARGE: no(status.RESOURCE_EXHAUSTED),
  RESULT_TOO_LARGE: no(status.RESOURCE_EXHAUSTED),
  MODEL_NOT_FOUND: no(status.FAILED_PRECONDITION),
  MODEL_INVALID: no(status.FAILED_PRECONDITION),
  DEVICE_UNAVAILABLE: later(status.UNAVAILABLE),
  OUT_OF_MEMORY: later(status.RESOURCE_EXHAUSTED),
  QUEUE_FULL: later(status.RESOURCE_EXHAUSTED),
  CANCELLED: no(status.CANCELLED),
  DEADLINE_EXCEEDED: no(status.DEADLINE_EXCEEDED),
  UNAVAILABLE: later(status.UNAVAILABLE),
  UNAUTHENTICATED: no(status.UNAUTHENTICATED),
  // Both as gRPC's specification has it; neither is a defect of this server.
  MALFORMED_MESSAGE: no(status.INTERNAL),
  UNSUPPORTED_ENCODING: no(status.UNIMPLEMENTED),
  INTERNAL: no(status.INTERNAL),
};

/** What {@link MEANINGS} knows an error by. */
export function reasonOf(error: unknown): Reason {
  if (error instanceof Unavailable) return "UNAVAILABLE";
  if (error instanceof ClientGone) return "CANCELLED";
  if (error instanceof MalformedMessage) return "MALFORMED_MESSAGE";
  if (error instanceof UnsupportedEncoding) return "UNSUPPORTED_ENCODING";
  if (error instanceof ResultTooLarge) return "RESULT_TOO_LARGE";
  return TranscriptionError.from(error).code;
}

/** Whether a failure is the server's fault: its details belong into the log and nowhere else. */
export function isDefect(error: unknown): boolean {
  return reasonOf(error) === "INTERNAL";
}

export interface Failure {
  code: status;
  details: string;
  metadata: Metadata;
}

/** Retry hint of a server that is starting or shutting down: another one takes over meanwhile. */
export const RESTART_SECONDS = 1;

/**
 * The status of a failure, with details.
 * @param requestId what a defect is found by in the log, which alone tells more of it
 * @param retryAfter seconds, for failures that may go away
 */
export function statusOfFailure(error: unknown, requestId: string, retryAfter: number): Failure {
  const reason = reasonOf(error);
  const message =
    reason === "INTERNAL"
      ? `Internal error, see ${requestId} in the server's log`
      : withVariableNames((error as Error).message);
  const field = error instanceof TranscriptionError ? error.option : undefined;
  return statusFor(reason, message, requestId, retryAfter, field);
}

/** A status of the table. @param field of the request, where one is wrong */
export function statusFor(
  reason: Reason,
  message: string,
  requestId: string,
  retryAfter: number,
  field?: string,
): Failure {
  const { status: code, retry } = MEANINGS[reason];
  const details = cut(message, LONGEST_STATUS);
  const hint = retry ? retryAfter : undefined;
  const named = field === undefined ? undefined : cut(field);
  const info = { reason, metadata: { request_id: requestId }, field: named, retryAfter: hint };
  const metadata = new Metadata();
  metadata.set(DETAILS_KEY, encodeStatus(code, details, info));
  // Negative: clients that retry by themselves shall not (gRFC A6).
  metadata.set("grpc-retry-pushback-ms", hint === undefined ? "-1" : String(Math.ceil(hint * 1000)));
  return { code, details, metadata };
}
