import { TranscriptionError } from "../index.js";
import { OutputFailed } from "./exit.js";
import { nameFlags } from "./settings.js";

/** The message for people: flags in place of the library's names, and defects marked as such. */
export function describe(error: unknown): string {
  if (error instanceof OutputFailed || isSystemError(error)) return error.message;
  const { code, message } = TranscriptionError.from(error);
  return code === "INTERNAL" ? `internal error, please report it: ${message}` : nameFlags(message);
}

/** The same about one input, which is named once. */
export function describeFor(name: string, error: unknown): string {
  const message = describe(error);
  return message.includes(name) ? message : `${name}: ${message}`;
}

/** `EACCES: permission denied, open 'out/call.txt'` says it all and is no defect. */
function isSystemError(error: unknown): error is Error {
  return error instanceof Error && "syscall" in error && !(error instanceof TranscriptionError);
}
