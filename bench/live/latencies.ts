import { normalisedWords } from "../../test/support/word-error-rate.js";
import type { Spoken } from "./speech.js";

/** Seconds by which the times of programs differ. */
const NEAR = 0.5;
const ENDS_NEAR = 0.75;

/** A piece of text that a listener is shown. Seconds on the stream's clock. */
export interface Shown {
  text: string;
  start: number;
  end: number;
  /** It will not change. */
  isFinal: boolean;
}

/** Seconds after they were spoken at which things were told, of all utterances. */
export interface Latencies {
  /** From the end of an utterance's first word to the first text that has it. */
  firstWord: number[];
  /** From the end of its last word to the first text that has that. */
  lastWord: number[];
  /** From the end of its last word to the text of all of it that does not change any more. */
  final: number[];
  /** Utterances whose final never came: it counts as come at the end of the stream. */
  missing: number;
  utterances: number;
}

/** Times the utterances of one stream by the texts that come. */
export class Stopwatch {
  readonly #spoken: readonly Spoken[];
  readonly #first = new Map<Spoken, number>();
  readonly #last = new Map<Spoken, number>();
  readonly #final = new Map<Spoken, number>();

  constructor(spoken: readonly Spoken[]) {
    this.#spoken = spoken;
  }

  /** @param now seconds on the stream's clock */
  note({ text, start, end, isFinal }: Shown, now: number): void {
    const words = normalisedWords(text);
    for (const each of this.#spoken) {
      if (each.firstWordEnd > now + NEAR) break;
      const covers = (time: number): boolean => start < time + NEAR && end > time - NEAR;
      if (covers(each.firstWordEnd) && words.includes(each.firstWord)) once(this.#first, each, now);
      if (covers(each.end) && words.includes(each.lastWord)) once(this.#last, each, now);
      if (isFinal && start < each.end && end > each.end - ENDS_NEAR) once(this.#final, each, now);
    }
  }

  /** @param now when the stream was over */
  latencies(now: number): Latencies {
    const since = (found: ReadonlyMap<Spoken, number>, of: "firstWordEnd" | "end"): number[] =>
      [...found].map(([each, at]) => at - each[of]);
    const missing = this.#spoken.filter((each) => !this.#final.has(each));
    return {
      firstWord: since(this.#first, "firstWordEnd"),
      lastWord: since(this.#last, "end"),
      final: [...since(this.#final, "end"), ...missing.map(({ end }) => now - end)],
      missing: missing.length,
      utterances: this.#spoken.length,
    };
  }
}

function once(found: Map<Spoken, number>, each: Spoken, now: number): void {
  if (!found.has(each)) found.set(each, now);
}

export function joined(all: readonly Latencies[]): Latencies {
  return {
    firstWord: all.flatMap(({ firstWord }) => firstWord),
    lastWord: all.flatMap(({ lastWord }) => lastWord),
    final: all.flatMap(({ final }) => final),
    missing: all.reduce((sum, { missing }) => sum + missing, 0),
    utterances: all.reduce((sum, { utterances }) => sum + utterances, 0),
  };
}

export interface Quantiles {
  p50: number;
  p95: number;
}

/** Nearest ranks. */
export function quantiles(values: readonly number[]): Quantiles {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
  return { p50: at(0.5), p95: at(0.95) };
}

/** What is printed and kept of a row. */
export interface Summary {
  firstWord: Quantiles;
  lastWord: Quantiles;
  final: Quantiles;
  missing: number;
  utterances: number;
}

export function summary({ firstWord, lastWord, final, missing, utterances }: Latencies): Summary {
  return {
    firstWord: quantiles(firstWord),
    lastWord: quantiles(lastWord),
    final: quantiles(final),
    missing,
    utterances,
  };
}

export function shown({ firstWord, lastWord, final, missing, utterances }: Summary): string {
  const times = ({ p50, p95 }: Quantiles): string => `${p50.toFixed(2)} (${p95.toFixed(2)})`;
  const lost = missing > 0 ? `, ${missing} finals never came` : "";
  return (
    `first word ${times(firstWord)} s, last word ${times(lastWord)} s, final ${times(final)} s` +
    ` of ${utterances} utterances${lost}`
  );
}
