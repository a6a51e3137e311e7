import { invalidArgument } from "../errors.js";
import type { Correction } from "../types/corrections.js";
import type { TranscriptionResult } from "../types/result.js";
import { checkCorrection } from "./check.js";
import { Draft } from "./draft.js";
import { withParties } from "./parties.js";

/**
 * A result with what somebody has put right about it, one correction after the other; the result itself stays as it is.
 * Where channels are apart and speakers were not told, each channel is a speaker with a role, also without any correction.
 * @param corrections checked here, whoever they come from
 * @throws TranscriptionError INVALID_ARGUMENT that names what is wrong, as `corrections[3].speaker`
 */
export function applyCorrections(
  result: TranscriptionResult,
  corrections: readonly Correction[],
): TranscriptionResult {
  if (!Array.isArray(corrections)) throw invalidArgument("corrections", "a list", corrections);
  const checked = corrections.map((each, index) => checkCorrection(nameOf(index), each));
  const draft = new Draft(
    withParties(
      result,
      checked.some(({ op }) => op !== "text"),
    ),
  );
  for (const [index, correction] of checked.entries()) draft.apply(correction, nameOf(index));
  return draft.result();
}

function nameOf(index: number): string {
  return `corrections[${index}]`;
}
