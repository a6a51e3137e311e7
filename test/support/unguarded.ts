import type { TranscribeOptions } from "../../src/index.js";

/** The most probable text, with nothing that tries again or leaves out. */
export const UNGUARDED: TranscribeOptions = {
  temperature: 0,
  compressionRatioThreshold: null,
  logProbThreshold: null,
  noSpeechThreshold: null,
};
