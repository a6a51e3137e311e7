import type { LanguageCode } from "./languages.js";

/*
 * Names that are known, so that editors can offer them. Each type takes any other string, too.
 */

/** Names of Whisper models in the registry, other names of a model after its own. */
export const WHISPER_MODELS = [
  "demo",
  "tiny",
  "tiny-q5_1",
  "tiny-q8_0",
  "tiny.en",
  "tiny.en-q5_1",
  "tiny.en-q8_0",
  "base",
  "base-q5_1",
  "base-q8_0",
  "base.en",
  "base.en-q5_1",
  "base.en-q8_0",
  "small",
  "small-q5_1",
  "small-q8_0",
  "small.en",
  "small.en-q5_1",
  "small.en-q8_0",
  "medium",
  "medium-q5_0",
  "medium-q8_0",
  "medium.en",
  "medium.en-q5_0",
  "medium.en-q8_0",
  "large-v1",
  "large-v2",
  "large-v2-q5_0",
  "large-v2-q8_0",
  "large-v3",
  "large",
  "large-v3-q5_0",
  "large-v3-turbo",
  "turbo",
  "large-v3-turbo-q5_0",
  "large-v3-turbo-q8_0",
  "distil-small.en",
  "distil-medium.en",
  "distil-large-v2",
  "distil-large-v3",
  "distil-large-v3.5",
] as const;

/** Names of VAD models in the registry. */
export const VAD_MODELS = ["silero-v6.2.0", "silero-vad", "silero-v5.1.2"] as const;

/** Where what is not in a list goes: a type that editors do not take for all strings. */
type Other = string & {};

/** A model of the registry, a path, or a checkpoint's name on the Hugging Face Hub (`"openai/whisper-small"`). */
export type ModelName = (typeof WHISPER_MODELS)[number] | "Vikhrmodels/Borealis" | Other;

/** A VAD model of the registry, or a path. */
export type VadModelName = (typeof VAD_MODELS)[number] | Other;

/** An implementation of the package, or one that `registerImplementation()` has added. */
export type ImplementationName = "whisper" | "whisper-cpp" | "borealis" | Other;

/** A code of Whisper's languages, `"auto"`, or another way to name a language: a tag, or its English or own name. */
export type LanguageName = "auto" | LanguageCode | Other;

/** How the matrices of a model file are stored: float, or so many bits a weight. */
export type WeightType =
  | "f32"
  | "bf16"
  | "f16"
  | "q8_0"
  | "q6_k"
  | "q5_k"
  | "q5_1"
  | "q5_0"
  | "q4_k"
  | "q4_1"
  | "q4_0"
  | "q3_k"
  | "q2_k"
  | Other;
