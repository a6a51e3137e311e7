import type { TrueWord } from "./built-speech.js";
import { normalisedWords } from "./word-error-rate.js";

export interface TimedWord {
  text: string;
  start: number;
  end: number;
}

export interface EdgeErrors {
  /** Seconds, signed: later than the truth is positive. */
  starts: number[];
  ends: number[];
  /** Known times whose word was not written. */
  missed: number;
}

/** How far the times of words are from those that are known, of the words that were written rightly. */
export function edgeErrors(truth: readonly TrueWord[], words: readonly TimedWord[]): EdgeErrors {
  // A word of several parts (“mother-in-law”) tells its start by the first and its end by the last.
  const written: TrueWord[] = words.flatMap(({ text, start, end }) => {
    const parts: TrueWord[] = normalisedWords(text).map((part) => ({ text: part }));
    if (parts.length > 0) {
      parts[0]!.start = start;
      parts.at(-1)!.end = end;
    }
    return parts;
  });
  const errors: EdgeErrors = { starts: [], ends: [], missed: 0 };
  const found = matches(truth, written);
  for (const [index, { start, end }] of truth.entries()) {
    const word = found.get(index);
    for (const [known, told, list] of [
      [start, word?.start, errors.starts],
      [end, word?.end, errors.ends],
    ] as const) {
      if (known === undefined) continue;
      if (told === undefined) errors.missed++;
      else list.push(told - known);
    }
  }
  return errors;
}

/** The words of `from` that stand in `to` too, by the longest common subsequence. */
function matches(from: readonly TrueWord[], to: readonly TrueWord[]): Map<number, TrueWord> {
  const width = to.length + 1;
  const lengths = new Uint16Array((from.length + 1) * width);
  for (let i = from.length - 1; i >= 0; i--) {
    for (let j = to.length - 1; j >= 0; j--) {
      lengths[i * width + j] =
        from[i]!.text === to[j]!.text
          ? lengths[(i + 1) * width + j + 1]! + 1
          : Math.max(lengths[(i + 1) * width + j]!, lengths[i * width + j + 1]!);
    }
  }
  const found = new Map<number, TrueWord>();
  for (let i = 0, j = 0; i < from.length && j < to.length; ) {
    if (from[i]!.text === to[j]!.text) found.set(i++, to[j++]!);
    else if (lengths[(i + 1) * width + j]! >= lengths[i * width + j + 1]!) i++;
    else j++;
  }
  return found;
}

/** The value that a share `q` (0 to 1) of the sizes of `errors` stays below. */
export function quantile(errors: readonly number[], q: number): number {
  const sizes = errors.map(Math.abs).sort((a, b) => a - b);
  return sizes[Math.min(sizes.length - 1, Math.floor(q * sizes.length))] ?? Number.NaN;
}
