import { GENERATION_DEFAULTS } from "../config/generation.js";
import { invalidArgument } from "../errors.js";
import type { RequestWindowOptions } from "./types.js";

/**
 * Refuses what only implementations with a language model have.
 * @throws TranscriptionError INVALID_ARGUMENT
 */
export function refuseGeneration({ generation }: RequestWindowOptions, implementation: string): void {
  for (const [name, expected] of Object.entries(GENERATION_DEFAULTS)) {
    const given = generation[name as keyof typeof generation];
    if (given !== expected)
      throw invalidArgument(name, `nothing with ${implementation}, which lacks it`, given);
  }
}
