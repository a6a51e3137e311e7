import { cut } from "../../../service/text.js";
import { withVariableNames } from "../../../service/told-settings.js";
import { LONGEST_STATUS } from "../answering-call.js";
import { isDefect } from "../statuses.js";
import { InvalidRequest } from "./validation.js";

/** How the recording comes: in one message, or in many. */
export type Mode = "unary" | "stream";

const PREFIX: Record<Mode, string> = {
  unary: "Ошибка при транскрипции",
  stream: "Ошибка при обработке стрима",
};

/** `error_message` of the contract. @param callId what a defect is found by in the log */
export function errorMessage(mode: Mode, reason: unknown, callId: string): string {
  if (reason instanceof InvalidRequest) return reason.message;
  const details = isDefect(reason)
    ? `internal error, see ${callId} in the server's log`
    : cut(withVariableNames((reason as Error).message), LONGEST_STATUS);
  return `${PREFIX[mode]}: ${details}`;
}
