/** `"auto"`: CUDA where it works, else the CPU. */
export const DEVICES = ["auto", "cpu", "cuda"] as const;
/** Where a model runs; `"auto"`: CUDA where it works, else the CPU. */
export type DeviceSelection = (typeof DEVICES)[number];

/** `"transcribe"` keeps the spoken language, `"translate"` writes English. */
export const TASKS = ["transcribe", "translate"] as const;
/** `"transcribe"` keeps the spoken language, `"translate"` writes English. */
export type TranscriptionTask = (typeof TASKS)[number];

/**
 * `"interactive"`: somebody waits, so the first text comes as soon as it can, and requests take turns. `"bulk"`: nobody
 * does; it has what others leave of the device, at least a fifth of it, and no window of it waits for another's text.
 */
export const PRIORITIES = ["interactive", "bulk"] as const;
/** `"interactive"`: somebody waits for the text; `"bulk"`: nobody does. */
export type Priority = (typeof PRIORITIES)[number];

/**
 * What a model's matrices are kept and multiplied in: `"int8"` has 8-bit weights, `"int8_float16"` and
 * `"int8_bfloat16"` multiply them with 16-bit activations. `"auto"` is what this machine computes fastest without loss.
 */
export const COMPUTE_TYPES = [
  "auto",
  "float32",
  "float16",
  "bfloat16",
  "int8",
  "int8_float16",
  "int8_bfloat16",
] as const;
/** What a model's matrices are kept and multiplied in; `"auto"`: what this machine computes fastest without loss. */
export type ComputeType = (typeof COMPUTE_TYPES)[number];

/** Other names of compute types. */
export const COMPUTE_TYPE_ABBREVIATIONS = { f32: "float32", f16: "float16", bf16: "bfloat16" } as const;

/** With the abbreviations `"f32"`, `"f16"` and `"bf16"`. */
export type ComputeTypeName = ComputeType | keyof typeof COMPUTE_TYPE_ABBREVIATIONS;

/** Every name that `computeType` takes. */
export const COMPUTE_TYPE_NAMES: readonly ComputeTypeName[] = [
  ...COMPUTE_TYPES,
  ...(Object.keys(COMPUTE_TYPE_ABBREVIATIONS) as (keyof typeof COMPUTE_TYPE_ABBREVIATIONS)[]),
];
