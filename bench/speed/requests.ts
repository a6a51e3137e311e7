import type { TranscribeOptions } from "../../src/index.js";

/** Of English-only and of multilingual vocabularies; in the other, neither is a token of text. */
const END_OF_TEXT = [50_256, 50_257];

/**
 * A request that decodes exactly as many tokens of each window: random weights never end a text by themselves. The
 * same as peer-bench does (bench/peer/main.cpp): greedy, no times, nothing decoded twice.
 */
export function fixedTokens(tokens: number): TranscribeOptions {
  return {
    language: "en",
    chunkLength: 30,
    temperature: 0,
    compressionRatioThreshold: null,
    logProbThreshold: null,
    noSpeechThreshold: null,
    withoutTimestamps: true,
    suppressTokens: END_OF_TEXT,
    maxTokens: tokens,
  };
}
