import { TranscriptionError } from "../../index.js";
import { variableOf } from "../../service/settings.js";

/** Why who sends nothing is not waited for any longer. */
export function idle(seconds: number): TranscriptionError {
  const message = `Nothing arrived for ${variableOf("liveIdleTimeout")} (${seconds} s)`;
  return new TranscriptionError("DEADLINE_EXCEEDED", message);
}
