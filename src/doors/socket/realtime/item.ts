import type { LiveFinal, LivePartial } from "../../../index.js";
import { newId } from "./ids.js";

/** What is said in one go, as OpenAI has it. Its text is told piece by piece, and what was told stands. */
export class Item {
  readonly id = newId("item");
  isCommitted = false;
  /** What was told. */
  #told = "";
  /** Texts of its finals. */
  #settled = "";

  /** @param start milliseconds on the session's clock */
  constructor(readonly start: number) {}

  /** What was told so far: the joined deltas. */
  get transcript(): string {
    return this.#told;
  }

  /** @returns what there is to tell of a text whose beginning is settled; empty: nothing */
  partial({ stableLength, text }: LivePartial): string {
    const now = joined(this.#settled, text.slice(0, stableLength).trimEnd());
    // Only a guard takes back what was settled: it is waited for what comes instead.
    return now.startsWith(this.#told) ? this.#tell(now.slice(this.#told.length)) : "";
  }

  /** @returns what there is to tell of it */
  final({ text }: LiveFinal): string {
    this.#settled = joined(this.#settled, text);
    return this.#tell(rest(this.#told, this.#settled));
  }

  #tell(delta: string): string {
    this.#told += delta;
    return delta;
  }
}

function joined(before: string, text: string): string {
  return before === "" || text === "" ? before + text : `${before} ${text}`;
}

/** What of `text` comes after what was told: where that is no longer its beginning, the words after as many words. */
function rest(told: string, text: string): string {
  if (text.startsWith(told)) return text.slice(told.length);
  const words = text.split(/\s+/).slice(told.trim().split(/\s+/).length);
  return words.map((word) => ` ${word}`).join("");
}
