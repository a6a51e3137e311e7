import { invalidArgument } from "../errors.js";
import { COMPUTE_TYPE_ABBREVIATIONS, COMPUTE_TYPES, type ComputeType } from "../types/choices.js";
import type { Check } from "./checks.js";
import { nearest } from "./nearest.js";

/** Compute types by all their names. */
const BY_NAME: ReadonlyMap<string, ComputeType> = new Map([
  ...COMPUTE_TYPES.map((type) => [type, type] as const),
  ...Object.entries(COMPUTE_TYPE_ABBREVIATIONS),
]);

/** The compute type that `name` stands for, undefined if there is none. */
export function computeTypeOf(name: string): ComputeType | undefined {
  return BY_NAME.get(name);
}

export const computeType: Check<ComputeType> = (name, value) => {
  const known = typeof value === "string" ? computeTypeOf(value) : undefined;
  if (known) return known;
  const meant = typeof value === "string" ? nearest(value.toLowerCase(), COMPUTE_TYPES) : undefined;
  const suggestion = meant ? ` (did you mean "${meant}"?)` : "";
  throw invalidArgument(name, `one of ${COMPUTE_TYPES.join(", ")}${suggestion}`, value);
};

/** The compute type that a model file of `weightType` has by itself; what has no name of its own keeps the file's. */
export function ownComputeType(weightType: string): string {
  return weightType === "q8_0" ? "int8" : (computeTypeOf(weightType) ?? weightType);
}
