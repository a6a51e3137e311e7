export interface WordErrorRate {
  /** Substitutions, insertions and deletions. */
  errors: number;
  /** Words of the reference. */
  words: number;
  /** `errors / words`; for an empty reference 0 when the hypothesis is empty too, else infinite. */
  rate: number;
}

/** Word error rate over normalised words: the least edits that turn the reference into the hypothesis. */
export function wordErrorRate(reference: string, hypothesis: string): WordErrorRate {
  const expected = normalisedWords(reference);
  const actual = normalisedWords(hypothesis);
  const errors = editDistance(expected, actual);
  return { errors, words: expected.length, rate: errors === 0 ? 0 : errors / expected.length };
}

/** Words in lower case and NFC, ё as е, without punctuation and symbols; apostrophes inside words join them. */
export function normalisedWords(text: string): string[] {
  return (
    text
      .normalize("NFC")
      .toLowerCase()
      .replaceAll("ё", "е")
      .replace(/(?<=[\p{L}\p{N}])['’](?=[\p{L}\p{N}])/gu, "")
      .match(/[\p{L}\p{N}\p{M}]+/gu) ?? []
  );
}

/** Levenshtein distance with two rows of the table. */
function editDistance(from: readonly string[], to: readonly string[]): number {
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [row, word] of from.entries()) {
    const current = [row + 1];
    for (const [column, other] of to.entries()) {
      const substituted = previous[column]! + (word === other ? 0 : 1);
      current.push(Math.min(substituted, previous[column + 1]! + 1, current[column]! + 1));
    }
    previous = current;
  }
  return previous[to.length]!;
}
