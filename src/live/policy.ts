import type { WindowSegment } from "../types/engine.js";
import type { LiveWord } from "./words.js";

/** What a pass listens to: an utterance, or what is left of a long one. */
export interface Sound {
  /** 16 kHz mono, from the start of the utterance. Valid until the pass is done. */
  samples: Float32Array;
  /** Of the first sample, in seconds on the stream's clock. */
  start: number;
  /** Where somebody speaks, in seconds of `samples`. */
  spoken: readonly { start: number; end: number }[];
  /** Undefined: it is detected, and no word of the pass is settled unless it is found to be {@link kept}. */
  language: string | undefined;
  /** What was detected before, if anything. */
  kept: string | undefined;
}

/** What a pass heard. */
export interface Heard {
  /** Words of the utterance, since its last final, that will not change. From one pass to the next they only grow. */
  settled: readonly LiveWord[];
  /** Words after those, as they look now. */
  unsettled: readonly LiveWord[];
  /** Where the language was detected. */
  detected?: { language: string; probability: number };
}

/** What the last pass over an utterance, or over a part of a long one, heard. */
export interface Ending {
  /** All of its words. */
  words: readonly LiveWord[];
  /** Probability that there is no speech, 0 to 1. */
  noSpeechProb: number;
  detected?: { language: string; probability: number };
}

/**
 * What settles the words of one channel. It is asked about one utterance after another, pass by pass, one pass at a time.
 * All passes reject with CANCELLED and what the engine fails with.
 */
export interface Policy {
  /** Passes of the model so far. */
  readonly steps: number;
  /** Times that text was thrown away. */
  readonly resets: number;
  /** Whether passes over less than a few seconds settle nothing: there may be more of them than the step has. */
  readonly settlesLate: boolean;
  /** How much is settled: 1 where the utterance has to be parted, so that more can be. */
  readonly fullness: number;
  /** Listens to an utterance that is still spoken. */
  listen(sound: Sound): Promise<Heard>;
  /**
   * Listens to an utterance, or to a part of one, to its end, which is that of `sound`, and forgets it. Words that had been
   * settled in what follows on it are settled there.
   */
  finish(sound: Sound): Promise<Ending>;
  /** Forgets the utterance: its words are in a language that nobody speaks. */
  forget(): void;
  /** Takes out the words that are settled before `time`, without listening: what follows on them has not been said yet. */
  part(time: number): Ending;
}

/** Whether a pass was in the language that is spoken, as far as that is known. */
export function isSure({ language, kept }: Sound, detected: Heard["detected"]): boolean {
  return language !== undefined || (kept !== undefined && detected?.language === kept);
}

/** Words before `time`, and those after it. */
export function partedAt(words: readonly LiveWord[], time: number): [LiveWord[], LiveWord[]] {
  const count = words.filter(({ start, end }) => (start + end) / 2 < time).length;
  return [words.slice(0, count), words.slice(count)];
}

/** Mean of a segment's property, weighted by its length in characters. */
export function meanOf(segments: readonly WindowSegment[], property: "noSpeechProb" | "avgLogProb"): number {
  const length = segments.reduce((sum, { text }) => sum + text.length, 0);
  return (
    segments.reduce((sum, segment) => sum + segment[property] * segment.text.length, 0) / Math.max(1, length)
  );
}
