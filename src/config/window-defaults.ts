import type { RequestWindowOptions } from "../types/engine.js";
import { GENERATION_DEFAULTS } from "./generation.js";

/** Options of each window that depend neither on the model nor on other windows. */
export type GeneralWindowOptions = Omit<RequestWindowOptions, "maxTokens">;

/** Their defaults: openai-whisper's and faster-whisper's, but for greedy search and whisper.cpp's plain mean. */
export const WINDOW_DEFAULTS: GeneralWindowOptions = {
  task: "transcribe",
  beamSize: 1,
  bestOf: 5,
  patience: 1,
  lengthPenalty: -1,
  temperatures: [0, 0.2, 0.4, 0.6, 0.8, 1],
  compressionRatioThreshold: 2.4,
  logProbThreshold: -1,
  noSpeechThreshold: 0.6,
  hotwords: "",
  initialPrompt: "",
  prefix: "",
  suppressBlank: true,
  suppressTokens: [],
  suppressNonSpeech: true,
  suppressNumerals: false,
  withoutTimestamps: false,
  wordTimestamps: false,
  repetitionPenalty: 1,
  noRepeatNgramSize: 0,
  hallucinationSilenceThreshold: null,
  maxInitialTimestamp: 1,
  prependPunctuations: "\"'“¿([{-",
  appendPunctuations: "\"'.。,，!！?？:：”)]}、;…",
  seed: 0,
  priority: "interactive",
  generation: GENERATION_DEFAULTS,
};
