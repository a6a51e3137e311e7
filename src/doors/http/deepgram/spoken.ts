import type { Segment, Word } from "../../../index.js";
import { type DeepgramWord, deepgramWord } from "../../../service/deepgram.js";
import { rounded } from "../rounded.js";

/** What is said at once: a word, or a segment where words are not timed. */
export interface Spoken {
  text: string;
  /** Seconds. */
  start: number;
  end: number;
  confidence: number;
  /** From 0; undefined where speakers are not told apart, or nobody is heard. */
  speaker: number | undefined;
  /** As the answer has it; undefined: it is a segment. */
  word: AnsweredWord | undefined;
}

/** A word of an answer. */
export interface AnsweredWord extends DeepgramWord {
  speaker?: number;
  speaker_confidence?: number;
}

/** @param speakers their numbers by their ids */
export function spokenIn(segments: readonly Segment[], speakers: ReadonlyMap<string, number>): Spoken[] {
  const numberOf = (id: string | null | undefined) => (id == null ? undefined : speakers.get(id));
  return segments.flatMap(({ confidence, end, speaker, start, text, words }): Spoken[] => {
    if (words === undefined)
      return [{ text, start, end, confidence, speaker: numberOf(speaker), word: undefined }];
    return words.map((word) => {
      const { text, start, end, confidence } = word;
      const by = numberOf(word.speaker);
      return { text, start, end, confidence, speaker: by, word: answeredWord(word, by) };
    });
  });
}

function answeredWord(word: Word, speaker: number | undefined): AnsweredWord {
  const { end, start, ...found } = deepgramWord(word);
  return {
    ...found,
    start: rounded(start),
    end: rounded(end),
    ...(speaker !== undefined && { speaker }),
    ...(speaker !== undefined &&
      word.speakerConfidence !== undefined && { speaker_confidence: rounded(word.speakerConfidence) }),
  };
}

export function meanConfidence(spoken: readonly Spoken[]): number {
  if (spoken.length === 0) return 0;
  return rounded(spoken.reduce((sum, { confidence }) => sum + confidence, 0) / spoken.length);
}

/** Scripts that are written without spaces between words, at the end of a text and at its beginning. */
const ENDS_UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]\p{P}*$/u;
const BEGINS_UNSPACED =
  /^\p{P}*[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
/** Characters in which the end of a text shows. */
const TAIL = 8;

/** Texts one after the other, with the spaces that their script has. */
export function joined(texts: readonly string[]): string {
  let all = "";
  for (const text of texts) {
    const isUnspaced = ENDS_UNSPACED.test(all.slice(-TAIL)) && BEGINS_UNSPACED.test(text);
    const needsNone = all === "" || isUnspaced;
    all += needsNone ? text : ` ${text}`;
  }
  return all;
}

/** Parts what is said before each piece that `isFirst` of a new part. */
export function parted(
  spoken: readonly Spoken[],
  isFirst: (piece: Spoken, before: Spoken, part: readonly Spoken[]) => boolean,
): Spoken[][] {
  const parts: Spoken[][] = [];
  for (const piece of spoken) {
    const part = parts.at(-1);
    if (part && !isFirst(piece, part.at(-1)!, part)) part.push(piece);
    else parts.push([piece]);
  }
  return parts;
}
