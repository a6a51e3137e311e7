import { invalidArgument } from "../errors.js";
import { nearest } from "../models/nearest.js";
import type { ComputeType } from "../options.js";
import type { Check } from "./checks.js";

/** Names of compute types, by every spelling of them. */
const SPELLINGS = {
  auto: "auto",
  float32: "float32",
  float16: "float16",
  bfloat16: "bfloat16",
  int8: "int8",
  int8_float16: "int8_float16",
  int8_bfloat16: "int8_bfloat16",
  f32: "float32",
  f16: "float16",
  bf16: "bfloat16",
} as const satisfies Record<string, ComputeType>;

/** What `computeType` may be, without abbreviations. */
export const COMPUTE_TYPES: readonly ComputeType[] = [...new Set<ComputeType>(Object.values(SPELLINGS))];

/** The compute type that `name` stands for, undefined if there is none. */
export function computeTypeOf(name: string): ComputeType | undefined {
  return Object.hasOwn(SPELLINGS, name) ? SPELLINGS[name as keyof typeof SPELLINGS] : undefined;
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
