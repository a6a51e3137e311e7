import type { GenerationOptions } from "../types/generation.js";
import { type Checks, integer, number, text } from "./checks.js";

/** Borealis's own values for sampling; they matter at temperatures above 0 only. */
export const GENERATION_DEFAULTS: GenerationOptions = {
  topK: 50,
  topP: 0.9,
  systemPrompt: "",
  userPrompt: "",
};

export const GENERATION_CHECKS: Checks<Partial<GenerationOptions>> = {
  topK: integer(0, 1_000_000),
  topP: number(0.01, 1),
  systemPrompt: text(0, 10_000),
  userPrompt: text(0, 10_000),
};

/** The options of `given` that concern generation, with defaults filled in. */
export function resolveGeneration(given: Partial<GenerationOptions>): GenerationOptions {
  const named = Object.entries(given).filter(([key]) => Object.hasOwn(GENERATION_DEFAULTS, key));
  return { ...GENERATION_DEFAULTS, ...Object.fromEntries(named) };
}
