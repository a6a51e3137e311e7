import { type ErrorCode, TranscriptionError } from "../../index.js";
import { ClientGone, Unavailable } from "../../service/call/call.js";
import { cut } from "../../service/text.js";
import { withVariableNames } from "../../service/told-settings.js";

/** What goes wrong besides the library's errors. */
export type Reason = ErrorCode | "UNAVAILABLE" | "UNAUTHENTICATED";

/** A failure as it is told, whatever the protocol. */
export interface SocketFailure {
  reason: Reason;
  message: string;
  /** Status of a closing frame (https://www.iana.org/assignments/websocket). */
  closeCode: number;
  /** What is wrong in what the client sent; undefined: nothing. */
  param: string | undefined;
}

/** No more room, a server that starts or stops: the same may succeed later. */
const TRY_AGAIN_LATER = 1013;
const POLICY = 1008;
const INTERNAL = 1011;

const CLOSE_CODES: Partial<Record<Reason, number>> = {
  INVALID_ARGUMENT: POLICY,
  UNAUTHENTICATED: POLICY,
  DEADLINE_EXCEEDED: POLICY,
  QUEUE_FULL: TRY_AGAIN_LATER,
  OUT_OF_MEMORY: TRY_AGAIN_LATER,
  UNAVAILABLE: 1012,
};

/** A client without the token, where only what it sends may bring it. */
export class Unauthenticated extends Error {
  override readonly name = "Unauthenticated";
}

export function reasonOf(error: unknown): Reason {
  if (error instanceof Unauthenticated) return "UNAUTHENTICATED";
  if (error instanceof Unavailable) return "UNAVAILABLE";
  if (error instanceof ClientGone) return "CANCELLED";
  return TranscriptionError.from(error).code;
}

/** @param requestId what a defect is found by in the log, which alone tells more of it */
export function failureOf(error: unknown, requestId: string): SocketFailure {
  const reason = reasonOf(error);
  const message =
    reason === "INTERNAL"
      ? `Internal error, see ${requestId} in the server's log`
      : cut(withVariableNames((error as Error).message), 1000);
  const param = error instanceof TranscriptionError && error.option ? cut(error.option) : undefined;
  return { reason, message, closeCode: CLOSE_CODES[reason] ?? INTERNAL, param };
}
