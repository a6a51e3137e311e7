import { GENERATION_DEFAULTS } from "../config/generation.js";
import { WINDOW_DEFAULTS } from "../config/window-defaults.js";
import { invalidArgument } from "../errors.js";
import type { RequestWindowOptions } from "../types/engine.js";

type WindowOptionName = keyof typeof WINDOW_DEFAULTS;

/** Options that the batched Whisper engine alone has. */
export const BATCHED_WHISPER_ONLY = [
  "prefix",
  "suppressNumerals",
  "noRepeatNgramSize",
  "hallucinationSilenceThreshold",
  "maxInitialTimestamp",
  "prependPunctuations",
  "appendPunctuations",
] as const satisfies readonly WindowOptionName[];

/** Refuses options that have one value with `implementation`, their default. @throws TranscriptionError INVALID_ARGUMENT */
export function requireDefaults(
  options: Pick<RequestWindowOptions, WindowOptionName>,
  names: readonly WindowOptionName[],
  implementation: string,
): void {
  for (const name of names) {
    const expected = WINDOW_DEFAULTS[name];
    if (options[name] === expected) continue;
    throw invalidArgument(
      name,
      `${JSON.stringify(expected)} with ${implementation}, which has no other`,
      options[name],
    );
  }
}

/** Refuses what only a language model has. @throws TranscriptionError INVALID_ARGUMENT */
export function refuseGeneration({ generation }: RequestWindowOptions, implementation: string): void {
  for (const [name, expected] of Object.entries(GENERATION_DEFAULTS)) {
    const given = generation[name as keyof typeof generation];
    if (given !== expected)
      throw invalidArgument(name, `nothing with ${implementation}, which lacks it`, given);
  }
}

/** @throws TranscriptionError INVALID_ARGUMENT */
export function refuseDraftModel(draftModelPath: string | undefined, implementation: string): void {
  if (draftModelPath === undefined) return;
  throw invalidArgument("draftModel", `none with ${implementation}, which cannot use one`, draftModelPath);
}
