import { DEFAULT_DETECTION, type DetectionRules } from "../config/options.js";
import type { LanguageDetection } from "../engine/types.js";

/** Speech in seconds before one window may settle it alone: “Hello?” sounds the same in many languages. */
const ENOUGH_SPEECH = 3;

/**
 * The language of a track from its first windows. Usually the first one settles it; where it is unsure, more are
 * heard, each weighted by its seconds of speech, and the language with the greatest total wins.
 */
export class LanguageVote {
  readonly #totals = new Map<string, number>();
  #weight = 0;
  #windows = 0;
  #sure = false;

  constructor(readonly rules: DetectionRules = DEFAULT_DETECTION) {}

  /** No further window is needed. */
  get isSettled(): boolean {
    return this.#windows >= this.rules.segments || (this.#sure && this.#weight >= ENOUGH_SPEECH);
  }

  /** Counts what a window with `speech` seconds of speech was taken for. */
  add(detection: LanguageDetection, speech: number): void {
    for (const { language, probability } of detection.probabilities) {
      this.#totals.set(language, (this.#totals.get(language) ?? 0) + probability * speech);
    }
    this.#weight += speech;
    this.#windows += 1;
    this.#sure =
      detection.probability >= this.rules.threshold && detection.language === this.result().language;
  }

  /** The weighted mean over the windows so far; language `""` with probability 0 when there were none. */
  result(): LanguageDetection {
    const probabilities = [...this.#totals]
      .map(([language, total]) => ({ language, probability: total / this.#weight }))
      .sort((a, b) => b.probability - a.probability);
    const [best] = probabilities;
    return { language: best?.language ?? "", probability: best?.probability ?? 0, probabilities };
  }
}
