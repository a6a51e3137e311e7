import { TranscriptionError } from "../../../index.js";
import { withVariableNames } from "../../settings.js";
import { InvalidRequest } from "./validation.js";

/** How the recording comes: in one message, or in many. */
export type Mode = "unary" | "stream";

const PREFIX: Record<Mode, string> = {
  unary: "Ошибка при транскрипции",
  stream: "Ошибка при обработке стрима",
};

/** What a failure is counted as. */
export function outcomeOf(reason: unknown): string {
  return reason instanceof InvalidRequest ? "INVALID_ARGUMENT" : TranscriptionError.from(reason).code;
}

/** A failure that is the server's fault, whose details belong into its log and nowhere else. */
export function isDefect(reason: unknown): reason is Error {
  return outcomeOf(reason) === "INTERNAL";
}

/** `error_message` of the contract. @param callId what a defect is found by in the log */
export function errorMessage(mode: Mode, reason: unknown, callId: string): string {
  if (reason instanceof InvalidRequest) return reason.message;
  const details = isDefect(reason)
    ? `internal error, see ${callId} in the server's log`
    : withVariableNames(TranscriptionError.from(reason).message);
  return `${PREFIX[mode]}: ${details}`;
}
