import { DEFAULT_DETECTION, type DetectionRules } from "../config/options.js";
import type { LanguageDetection } from "../types/engine.js";

/** Speech in seconds before one window may settle it alone: “Hello?” sounds the same in many languages. */
const ENOUGH_SPEECH = 3;

/** Probability of no speech above which a window is none of those that are to be heard; openai-whisper's threshold. */
const SPEECHLESS = 0.6;

/** Windows that are heard at most, as a multiple of those with speech: what waits for its language is kept in memory. */
const MOST_HEARD = 4;

/** What every window counts for at least, however sure the model is that nobody speaks. */
const LEAST = 1e-3;

/**
 * The language of a track from its first windows. Usually the first one settles it; where it is unsure, more are
 * heard, each weighted by its seconds of speech and the probability that there is any, and the language with the
 * greatest total wins: noise and music before a call, which a model takes for whatever, do not outvote the call.
 */
export class LanguageVote {
  readonly #totals = new Map<string, number>();
  #weight = 0;
  #heard = 0;
  #spoken = 0;
  #sure = false;

  constructor(readonly rules: DetectionRules = DEFAULT_DETECTION) {}

  /** No further window is needed. */
  get isSettled(): boolean {
    const { segments } = this.rules;
    const enough = this.#spoken >= segments || this.#heard >= MOST_HEARD * segments;
    return enough || (this.#sure && this.#weight >= ENOUGH_SPEECH);
  }

  /** Counts what a window with `speech` seconds of speech was taken for. */
  add(detection: LanguageDetection, speech: number): void {
    const { noSpeechProb = 0 } = detection;
    const weight = speech * Math.max(1 - noSpeechProb, LEAST);
    for (const { language, probability } of detection.probabilities) {
      this.#totals.set(language, (this.#totals.get(language) ?? 0) + probability * weight);
    }
    this.#weight += weight;
    this.#heard += 1;
    const isSpoken = noSpeechProb <= SPEECHLESS;
    if (isSpoken) this.#spoken += 1;
    this.#sure =
      isSpoken &&
      detection.probability >= this.rules.threshold &&
      detection.language === this.result().language;
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
