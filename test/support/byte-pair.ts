/** A byte-level byte-pair tokenizer straight from the rules of a tokenizer.json: slow, plain and independent. */

export interface TokenizerJson {
  normalizer: { type: string } | null;
  added_tokens: { id: number; content: string }[];
  model: { vocab: Record<string, number>; merges: (string | string[])[] };
}

/** Qwen's pattern; JavaScript has no `(?i:…)`. */
const PIECES =
  /'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+/gu;

/** The printable character that stands for each byte, as openai/gpt-2's encoder.py chooses them. */
export const BYTE_CHARACTERS: readonly string[] = (() => {
  const isShown = (byte: number) =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isShown(byte) ? byte : next++));
})();

export class BytePairTokenizer {
  readonly #ranks: ReadonlyMap<string, number>;

  constructor(readonly json: TokenizerJson) {
    const merges = json.model.merges.map((merge) => (Array.isArray(merge) ? merge.join(" ") : merge));
    this.#ranks = new Map(merges.map((merge, rank) => [merge, rank]));
  }

  /** Ids of plain text: what looks like a special token is text as well. */
  encode(text: string): number[] {
    const normal = this.json.normalizer?.type === "NFC" ? text.normalize("NFC") : text;
    return (normal.match(PIECES) ?? []).flatMap((piece) =>
      this.#merge(Array.from(Buffer.from(piece), (byte) => BYTE_CHARACTERS[byte]!)),
    );
  }

  special(content: string): number {
    return this.json.added_tokens.find((token) => token.content === content)!.id;
  }

  #merge(given: string[]): number[] {
    const parts = [...given];
    for (;;) {
      let best = Number.POSITIVE_INFINITY;
      let at = -1;
      for (let i = 0; i + 1 < parts.length; i++) {
        const rank = this.#ranks.get(`${parts[i]} ${parts[i + 1]}`);
        if (rank !== undefined && rank < best) [best, at] = [rank, i];
      }
      if (at < 0) return parts.map((part) => this.json.model.vocab[part]!);
      parts.splice(at, 2, parts[at]! + parts[at + 1]!);
    }
  }
}
