import { compressionRatio } from "../pipeline/compression-ratio.js";
import { countWords, trimWhiteSpace } from "../pipeline/stats.js";
import type { WindowSegment, WindowWord } from "../types/engine.js";

/** A word of an utterance, as the model writes it, with its leading space. Times are seconds on the stream's clock. */
export interface LiveWord extends WindowWord {
  /** Mean log probability of its tokens. */
  logProb: number;
  /** Ids of its tokens, where the policy needs them again. */
  tokens?: readonly number[];
}

/** Text of words, without white space around it. */
export function textOf(words: readonly LiveWord[]): string {
  return trimWhiteSpace(words.map(({ text }) => text).join(""));
}

/** Words of a window's segments that starts at `offset`; where the engine does not time them, by their length. */
export function wordsOf(segments: readonly WindowSegment[], offset: number): LiveWord[] {
  return segments.flatMap((segment) =>
    (segment.words ?? spread(segment))
      .filter(({ text }) => text.trim() !== "")
      .map((word) => ({
        ...word,
        start: word.start + offset,
        end: word.end + offset,
        logProb: segment.avgLogProb,
      })),
  );
}

/** Words of a segment that has no times of them. */
function spread({ text, start, end, confidence }: WindowSegment): WindowWord[] {
  const words = text.match(/\s*\S+/gu) ?? [];
  const perCharacter = (end - start) / Math.max(1, text.length);
  let at = start;
  return words.map((word) => {
    const from = at;
    at += word.length * perCharacter;
    return { text: word, start: from, end: at, confidence };
  });
}

/** A word by its letters and digits: case and marks differ from pass to pass. */
export function spelling({ text }: LiveWord): string {
  const letters = text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "");
  return letters === "" ? text.trim() : letters;
}

/** Text that repeats itself more is a loop; openai-whisper's threshold. */
const LOOPING = 2.4;
/** Words below which the ratio says nothing, and a run that comes again and again is how people speak. */
const ENOUGH_WORDS = 12;
const TURNS = 3;

/** Whether a text repeats itself as models do that are lost: the same words three times over, or hardly anything new. */
export function isLoop(words: readonly LiveWord[]): boolean {
  const text = textOf(words);
  if (countWords(text) < ENOUGH_WORDS) return false;
  if (compressionRatio(text) > LOOPING) return true;
  const spelled = words.map(spelling);
  for (let length = Math.ceil(ENOUGH_WORDS / TURNS); length * TURNS <= spelled.length; length++) {
    let same = 0;
    for (let i = length; i < spelled.length; i++) {
      same = spelled[i] === spelled[i - length] ? same + 1 : 0;
      if (same >= length * (TURNS - 1)) return true;
    }
  }
  return false;
}

/** Words of a turn that comes again and again, at most; how often it does, and how many words that are, for it to be a loop. */
const LONGEST_TURN = 8;
const MANY_TURNS = 4;
const MANY_WORDS = 6;

/** The words up to the first turn of a loop, as models write it who hear the end of a sound that goes on: all, where there is none. */
export function beforeLoop(words: readonly LiveWord[]): readonly LiveWord[] {
  const spelled = words.map(spelling);
  for (let turn = 1; turn <= LONGEST_TURN; turn++) {
    const least = Math.max(turn * MANY_TURNS, MANY_WORDS);
    let same = turn;
    for (let i = turn; i < spelled.length; i++) {
      same = spelled[i] === spelled[i - turn] ? same + 1 : turn;
      if (same >= least) return words.slice(0, i + 1 - same + turn);
    }
  }
  return words;
}
