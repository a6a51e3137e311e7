import type { LiveEvent, LiveFinal } from "../../../index.js";

/** How results are to look. */
export interface Looks {
  words: boolean;
  /** Above 0: results have alternatives, of which there is one. */
  alternatives: number;
}

interface VoskWord {
  conf: number;
  start: number;
  end: number;
  word: string;
}

/** Utterances as Vosk has them: what is said so far, until there is a result. */
export class Results {
  /** Of the utterance under way. */
  #finals: LiveFinal[] = [];
  #partial = "";
  /** Of utterances that have ended. */
  readonly #ended: LiveFinal[] = [];

  take(event: LiveEvent): void {
    if (event.type === "partial") this.#partial = event.text;
    else if (event.type === "final") {
      this.#finals.push(event);
      this.#partial = "";
      if (event.endOfUtterance) this.#endUtterance();
    } else if (event.type === "speech-end") this.#endUtterance();
  }

  /** Everything that ends here, whether its utterance has ended or not. */
  endAll(): void {
    this.#endUtterance();
  }

  /** @returns the answer to a piece of audio: the result of what has ended since the last one, or what is said so far */
  answer(looks: Looks): object {
    if (this.#ended.length > 0) return this.result(looks);
    return { partial: [...this.#finals.map(({ text }) => text), this.#partial].filter(Boolean).join(" ") };
  }

  /** @returns what has ended since the last result, and be it nothing */
  result({ alternatives, words }: Looks): object {
    const finals = this.#ended.splice(0);
    const text = finals.map((final) => final.text).join(" ");
    const found = words ? finals.flatMap((final) => (final.words ?? []).map(wordOf)) : [];
    if (alternatives <= 0) return { ...(found.length > 0 && { result: found }), text };
    const [first] = finals;
    const confidence = first ? finals.reduce((sum, final) => sum + final.confidence, 0) / finals.length : 1;
    const result = found.map(({ conf: _, ...word }) => word);
    return { alternatives: [{ confidence, ...(result.length > 0 && { result }), text }] };
  }

  #endUtterance(): void {
    this.#ended.push(...this.#finals);
    this.#finals = [];
    this.#partial = "";
  }
}

function wordOf({ confidence, start, end, text }: NonNullable<LiveFinal["words"]>[number]): VoskWord {
  return { conf: confidence, start, end, word: text };
}
