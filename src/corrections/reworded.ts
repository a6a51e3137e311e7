import { codePoints } from "../formats/text.js";
import type { Segment, Word } from "../types/result.js";

/**
 * The segment with another text. Words before and after what has changed keep their times; those that are new divide the
 * time of those in whose place they stand by length, and are sure. Tokens are those of the text before, and go.
 * @param text one line, not empty
 */
export function reworded({ tokens: _, ...segment }: Segment, text: string): Segment {
  if (!segment.words) return { ...segment, text };
  const words = wordsOf(segment, segment.words, text);
  return { ...segment, text, start: words[0]!.start, end: words.at(-1)!.end, words };
}

function wordsOf(segment: Omit<Segment, "tokens">, old: readonly Word[], text: string): Word[] {
  const places = placesOf(old, segment.text);
  if (!places) return divided(text, segment, segment);
  const prefix = commonPrefix(segment.text, text);
  const suffix = commonSuffix(segment.text, text, prefix);
  const isSpace = (index: number) => index < 0 || index >= text.length || /\s/.test(text[index]!);
  const shift = text.length - segment.text.length;
  const changeEnd = segment.text.length - suffix;
  const isBefore = ({ to }: Place) => to < prefix || (to === prefix && isSpace(prefix));
  const isAfter = ({ from }: Place) =>
    from > changeEnd || (from === changeEnd && isSpace(changeEnd + shift - 1));
  let first = places.filter(isBefore).length;
  let last = Math.max(first, places.length - places.filter(isAfter).length);
  const between = () => {
    const from = first > 0 ? places[first - 1]!.to : 0;
    const to = last < places.length ? places[last]!.from + shift : text.length;
    return text.slice(from, to).trim();
  };
  // What is put between two words takes of the time of the one before.
  if (first === last && between() !== "") {
    if (first > 0) first--;
    else last++;
  }
  const changed = old.slice(first, last);
  const added =
    changed.length > 0 && between() !== ""
      ? divided(between(), { start: changed[0]!.start, end: changed.at(-1)!.end }, changed[0]!)
      : [];
  return [...old.slice(0, first), ...added, ...old.slice(last)];
}

/** Characters that are a word's own. */
interface Place {
  from: number;
  /** Exclusive. */
  to: number;
}

/** Where the text has its words; undefined where the two do not spell the same, or there are none. */
function placesOf(words: readonly Word[], text: string): Place[] | undefined {
  const places: Place[] = [];
  for (const word of words) {
    const from = text.indexOf(word.text, places.at(-1)?.to ?? 0);
    if (from < 0) return undefined;
    places.push({ from, to: from + word.text.length });
  }
  return places.length > 0 ? places : undefined;
}

/** The words of `text`, each with its share of the time by length. @param like whose speaker they are */
function divided(text: string, { start, end }: Pick<Word, "start" | "end">, like: Partial<Word>): Word[] {
  const { speaker, speakerConfidence } = like;
  const parts = text.split(/\s+/);
  const total = parts.reduce((sum, part) => sum + codePoints(part), 0);
  let before = 0;
  return parts.map((part) => {
    const from = start + ((end - start) * before) / total;
    before += codePoints(part);
    return {
      start: from,
      end: start + ((end - start) * before) / total,
      text: part,
      confidence: 1,
      ...(speaker !== undefined && { speaker }),
      ...(speakerConfidence !== undefined && { speakerConfidence }),
    };
  });
}

function commonPrefix(a: string, b: string): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}

/** @param prefix characters that are taken already */
function commonSuffix(a: string, b: string, prefix: number): number {
  const most = Math.min(a.length, b.length) - prefix;
  let length = 0;
  while (length < most && a[a.length - 1 - length] === b[b.length - 1 - length]) length++;
  return length;
}
