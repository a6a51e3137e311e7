import type { Word } from "../server/result.js";
import type { Turn } from "./turns.js";

/** Characters of a turn's text. */
export interface TextPlace {
  turn: number;
  from: number;
  /** Exclusive. */
  to: number;
}

/** A word, and where it is written. */
export interface WordPlace extends TextPlace {
  word: Word;
}

/** All words in order of time, which in channels that overlap is not that of their turns. */
export function placesOf(turns: readonly Turn[]): WordPlace[] {
  const places = turns.flatMap(({ words }, turn) => words.map((place) => ({ ...place, turn })));
  return places.sort((a, b) => a.word.start - b.word.start);
}

/** Index of the word that is spoken at `time`, or was spoken last; undefined: none was yet. */
export function wordIndexAt(places: readonly WordPlace[], time: number): number | undefined {
  let [low, high] = [0, places.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (places[middle]!.word.start <= time) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? undefined : low - 1;
}

/** The word that the character at `offset` of a turn belongs to, or that ends before it. */
export function wordAtOffset(
  places: readonly WordPlace[],
  turn: number,
  offset: number,
): WordPlace | undefined {
  return places.findLast((place) => place.turn === turn && place.from <= offset);
}

/** Where `wanted` is written, whatever its case. */
export function search(turns: readonly Turn[], wanted: string): TextPlace[] {
  const needle = wanted.trim().toLowerCase();
  if (needle === "") return [];
  return turns.flatMap(({ text }, turn) => {
    const folded = text.toLowerCase();
    const found: TextPlace[] = [];
    for (let from = folded.indexOf(needle); from !== -1; from = folded.indexOf(needle, from + needle.length))
      found.push({ turn, from, to: from + needle.length });
    return found;
  });
}
