import { placeSegments } from "../pipeline/assemble.js";
import type { LiveFinal } from "../types/live.js";
import type { Segment } from "../types/result.js";
import type { Ending } from "./policy.js";
import { type LiveWord, textOf } from "./words.js";

/**
 * The words of a part of the stream from `from` to `to` seconds: in order, after `notBefore` and inside it. Undefined where
 * nothing is said.
 */
export function finalSegment(
  { words, noSpeechProb }: Ending,
  from: number,
  to: number,
  notBefore: number,
): Segment | undefined {
  const text = textOf(words);
  if (!/[\p{L}\p{N}]/u.test(text)) return undefined;
  const mean = (of: (word: LiveWord) => number): number =>
    words.reduce((sum, word) => sum + of(word), 0) / words.length;
  const segment = {
    start: words[0]!.start - from,
    end: words.at(-1)!.end - from,
    text,
    tokens: [],
    avgLogProb: mean(({ logProb }) => logProb),
    confidence: mean(({ confidence }) => confidence),
    noSpeechProb,
    temperature: 0,
    words: words.map((word) => ({ ...word, start: word.start - from, end: word.end - from })),
  };
  return placeSegments([segment], { start: from, end: to }, notBefore, 0)[0];
}

/** What a final says of a segment. @param hasWords whether it has words */
export function finalOf(
  { avgLogProb, confidence, end, noSpeechProb, speaker, speakerConfidence = 0, start, text, words }: Segment,
  hasWords: boolean,
): Pick<
  LiveFinal,
  | "text"
  | "words"
  | "start"
  | "end"
  | "confidence"
  | "avgLogProb"
  | "noSpeechProb"
  | "speaker"
  | "speakerConfidence"
> {
  return {
    text,
    ...(hasWords && { words: words ?? [] }),
    start,
    end,
    confidence,
    avgLogProb,
    noSpeechProb,
    ...(speaker !== undefined && { speaker, speakerConfidence }),
  };
}
