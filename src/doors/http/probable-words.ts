import type { Word } from "../../index.js";

/** A word as openai-whisper and its kin write it. */
export interface ProbableWord {
  word: string;
  start?: number;
  end?: number;
  probability: number;
}

/** @param hasTimes whether they are told when they are said */
export function probableWords(words: readonly Word[], hasTimes = true): ProbableWord[] {
  return words.map(({ confidence, end, start, text }) => ({
    word: text,
    ...(hasTimes && { start, end }),
    probability: confidence,
  }));
}
