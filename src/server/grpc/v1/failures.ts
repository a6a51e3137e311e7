import { TranscriptionError } from "../../../index.js";
import { LIMIT_VARIABLES } from "../../settings.js";
import { InvalidRequest } from "./validation.js";

/** How the recording comes: in one message, or in many. */
export type Mode = "unary" | "stream";

const PREFIX: Record<Mode, string> = {
  unary: "Ошибка при транскрипции",
  stream: "Ошибка при обработке стрима",
};

/** A failure that is the server's fault, whose details belong into its log and nowhere else. */
export function isDefect(reason: unknown): reason is Error {
  return !(reason instanceof InvalidRequest) && TranscriptionError.from(reason).code === "INTERNAL";
}

/** `error_message` of the contract. @param callId what a defect is found by in the log */
export function errorMessage(mode: Mode, reason: unknown, callId: string): string {
  if (reason instanceof InvalidRequest) return reason.message;
  const details = isDefect(reason)
    ? `internal error, see ${callId} in the server's log`
    : nameVariables(reason);
  return `${PREFIX[mode]}: ${details}`;
}

/** The message with the server's names for limits. */
function nameVariables(reason: unknown): string {
  const { message } = TranscriptionError.from(reason);
  return Object.entries(LIMIT_VARIABLES).reduce(
    (named, [limit, variable]) => named.replaceAll(limit, variable),
    message,
  );
}
