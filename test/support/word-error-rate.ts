export interface WordErrorRate {
  /** Substitutions, insertions and deletions. */
  errors: number;
  substitutions: number;
  /** Words of the hypothesis that nobody spoke. */
  insertions: number;
  /** Words of the reference that are missing. */
  deletions: number;
  /** Words of the reference. */
  words: number;
  /** `errors / words`; for an empty reference 0 when the hypothesis is empty too, else infinite. */
  rate: number;
}

/**
 * Word error rate over normalised words: the least edits that turn the reference into the hypothesis.
 * @param normalise cuts both texts into words that are compared letter by letter
 */
export function wordErrorRate(
  reference: string,
  hypothesis: string,
  normalise: (text: string) => string[] = normalisedWords,
): WordErrorRate {
  const expected = normalise(reference);
  const edits = leastEdits(expected, normalise(hypothesis));
  return { ...edits, words: expected.length, rate: edits.errors === 0 ? 0 : edits.errors / expected.length };
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

type Edits = Omit<WordErrorRate, "words" | "rate">;
const NONE: Edits = { errors: 0, substitutions: 0, insertions: 0, deletions: 0 };

/** Levenshtein distance with two rows of the table. */
function leastEdits(from: readonly string[], to: readonly string[]): Edits {
  let previous = Array.from({ length: to.length + 1 }, (_, count) => add(NONE, "insertions", count));
  for (const word of from) {
    const current = [add(previous[0]!, "deletions")];
    for (const [column, other] of to.entries()) {
      const diagonal = previous[column]!;
      const choices = [
        word === other ? diagonal : add(diagonal, "substitutions"),
        add(previous[column + 1]!, "deletions"),
        add(current[column]!, "insertions"),
      ];
      current.push(choices.reduce((best, each) => (each.errors < best.errors ? each : best)));
    }
    previous = current;
  }
  return previous[to.length]!;
}

function add(edits: Edits, kind: Exclude<keyof Edits, "errors">, count = 1): Edits {
  return { ...edits, errors: edits.errors + count, [kind]: edits[kind] + count };
}
