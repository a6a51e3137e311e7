import { FRAME_SAMPLES, type Region } from "../pipeline/speech-regions.js";
import { SAMPLE_RATE } from "../types/audio.js";

/** What counts as speech, in seconds and probabilities. */
export interface GateRules {
  /** Probability from which a frame is speech. */
  threshold: number;
  /** Probability below which it may have ended. */
  negThreshold: number;
  /** Speech that is not longer is none. */
  minSpeech: number;
  /** Silence that ends speech. */
  endpoint: number;
}

/** Shorter silence within speech is no pause: two frames. */
const SHORTEST_PAUSE = 2 * FRAME_SAMPLES;

/**
 * Whether somebody speaks, frame by frame, as Silero's `VADIterator` has it: speech begins at a frame at or above
 * `threshold` and ends with the first frame below `negThreshold` after which no frame reaches `threshold` for
 * `endpoint` seconds. That it began is told once it is long enough not to be a click. Positions are samples of the channel.
 */
export class VoiceGate {
  readonly #threshold: number;
  readonly #negThreshold: number;
  readonly #minSpeech: number;
  readonly #endpoint: number;
  #position = 0;
  #start: number | undefined;
  #silence: number | undefined;
  #isOpen = false;
  #pauses: Region[] = [];

  constructor({ threshold, negThreshold, minSpeech, endpoint }: GateRules) {
    this.#threshold = threshold;
    this.#negThreshold = negThreshold;
    this.#minSpeech = Math.round(minSpeech * SAMPLE_RATE);
    this.#endpoint = Math.round(endpoint * SAMPLE_RATE);
  }

  /** Where speech under way began, told or not. */
  get start(): number | undefined {
    return this.#start;
  }

  /** As far as speech under way is known to reach: where the silence under way began, else the last frame's end. */
  get reach(): number {
    return this.#silence ?? this.#position;
  }

  /** Pauses within speech under way, those that are over, in order. */
  get pauses(): readonly Region[] {
    return this.#pauses;
  }

  /**
   * Takes the probability of the next frame and tells what it settles: that speech began, or that it has ended, after which
   * {@link reset} is to be called.
   */
  push(probability: number): "start" | "end" | undefined {
    const frame = this.#position;
    this.#position += FRAME_SAMPLES;
    if (probability >= this.#threshold) {
      this.#start ??= frame;
      if (this.#silence !== undefined && frame - this.#silence >= SHORTEST_PAUSE)
        this.#pauses.push({ start: this.#silence, end: frame });
      this.#silence = undefined;
    } else if (probability < this.#negThreshold && this.#start !== undefined) {
      this.#silence ??= frame;
    }
    if (this.#start === undefined) return undefined;
    if (!this.#isOpen && this.reach - this.#start > this.#minSpeech) {
      this.#isOpen = true;
      return "start";
    }
    if (this.#silence === undefined || this.#position - this.#silence < this.#endpoint) return undefined;
    if (this.#isOpen) return "end";
    this.reset();
    return undefined;
  }

  /** Speech under way is over, or none of this channel's any more: what follows begins anew. */
  reset(): void {
    this.#start = undefined;
    this.#silence = undefined;
    this.#isOpen = false;
    this.#pauses = [];
  }

  /** Forgets pauses that ended before `position`. */
  forgetPauses(position: number): void {
    this.#pauses = this.#pauses.filter(({ end }) => end > position);
  }

  /** Where somebody speaks from `from` on, without the pauses. */
  spoken(from: number): Region[] {
    if (this.#start === undefined) return [];
    let start = Math.max(from, this.#start);
    const spans: Region[] = [];
    for (const pause of [...this.#pauses, { start: this.reach, end: this.#position }]) {
      if (pause.start > start) spans.push({ start, end: pause.start });
      start = Math.max(start, pause.end);
    }
    return spans;
  }
}
