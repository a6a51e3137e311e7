import { bestPairs } from "./best-pairs.js";
import type { ScoredTurn } from "./error-rate.js";

/** What somebody says at once. */
export interface Spoken {
  /** `null`: nobody knows who. */
  speaker: string | null;
  words: readonly string[];
}

/** Errors among words, and how many there are in the reference. */
export interface WordErrors {
  errors: number;
  words: number;
}

/** A word with its place and its speaker, where that is known. */
export interface TimedWord {
  start: number;
  end: number;
  speaker?: string | null | undefined;
}

/**
 * Concatenated minimum-permutation word errors: each speaker's words in order, one after another, against those of the
 * speaker of the other side that fits best; who is left over counts with all words. Words of nobody are a speaker's.
 * Source: Watanabe et al., CHiME-6 Challenge, 2020; meeteval's `cpwer`.
 * @param reference in order of time, as `hypothesis`
 */
export function speakerWordErrors(reference: readonly Spoken[], hypothesis: readonly Spoken[]): WordErrors {
  const [theirs, ours] = [bySpeaker(reference), bySpeaker(hypothesis)];
  // What a pair saves, against all words of both as deletions and insertions.
  const saved = new Map(
    [...theirs].map(([name, words]) => [
      name,
      new Map(
        [...ours].map(([other, heard]) => [other, words.length + heard.length - distance(words, heard)]),
      ),
    ]),
  );
  const count = (all: ReadonlyMap<string, readonly string[]>) =>
    [...all.values()].reduce((sum, { length }) => sum + length, 0);
  const words = count(theirs);
  return { errors: words + count(ours) - bestPairs(saved).sum, words };
}

/**
 * Words that another has than who speaks at their time, after the mapping of speakers that is best for it; where two speak,
 * either may have them. By time, not by the texts laid one upon the other: what the model mishears stands for nothing there,
 * and what it hears twice is left out.
 */
export function wordsOfWrongSpeaker(
  reference: readonly ScoredTurn[],
  words: readonly TimedWord[],
): WordErrors {
  const placed = words.map(({ speaker, ...time }) => ({
    speaker: speaker ?? NOBODY,
    truth: speakersAt(reference, time),
  }));
  const together = new Map<string, Map<string, number>>();
  for (const { speaker, truth } of placed) {
    const row = together.get(speaker) ?? new Map<string, number>();
    together.set(speaker, row);
    for (const name of truth) row.set(name, (row.get(name) ?? 0) + 1);
  }
  const { columns } = bestPairs(together);
  const wrong = placed.filter(({ speaker, truth }) => !truth.has(columns.get(speaker) ?? NOBODY));
  return { errors: wrong.length, words: words.length };
}

/**
 * Words whose speaker has another role than who speaks at their time, or none.
 * @param reference whose speakers are called by their roles
 */
export function wordsOfWrongRole(
  reference: readonly ScoredTurn[],
  words: readonly TimedWord[],
  roleOf: (speaker: string) => string | null | undefined,
): WordErrors {
  const wrong = words.filter(
    ({ speaker, ...time }) => !speakersAt(reference, time).has((speaker && roleOf(speaker)) || NOBODY),
  );
  return { errors: wrong.length, words: words.length };
}

/** Who speaks in the middle of a word; in a pause, who is the nearest. */
function speakersAt(turns: readonly ScoredTurn[], { start, end }: Omit<TimedWord, "speaker">): Set<string> {
  const middle = (start + end) / 2;
  const distances = turns.map((turn) => Math.max(0, turn.start - middle, middle - turn.end));
  const least = Math.min(...distances);
  return new Set(turns.filter((_, i) => distances[i] === least).map(({ speaker }) => speaker));
}

const NOBODY = "";

function bySpeaker(spoken: readonly Spoken[]): Map<string, string[]> {
  const all = new Map<string, string[]>();
  for (const { speaker, words } of spoken) {
    const name = speaker ?? NOBODY;
    all.set(name, [...(all.get(name) ?? []), ...words]);
  }
  return all;
}

/** Levenshtein distance, row by row of the table. */
function distance(from: readonly string[], to: readonly string[]): number {
  let above = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (const word of from) {
    const row = [above[0]! + 1];
    for (const [j, other] of to.entries())
      row.push(Math.min(above[j]! + (word === other ? 0 : 1), above[j + 1]! + 1, row[j]! + 1));
    above = row;
  }
  return above.at(-1)!;
}
