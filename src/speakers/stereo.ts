import { SAMPLE_RATE } from "../types/audio.js";

/** How two channels belong together. */
export type StereoKind =
  /** A party on each. */
  | "apart"
  /** The same sound on both, as loud or not. */
  | "same"
  /** The same, turned round. */
  | "opposite"
  /** Nothing on one of them. */
  | "single";

/** Samples that are compared at once: half a second. */
const WINDOW = SAMPLE_RATE / 2;
/** Mean power of a window from which a channel is alive: -60 dBFS. */
const ALIVE = 1e-6;
/** Part of a channel's loudest windows' power below which it does not count: -40 dB. */
const FAINT = 1e-4;
/** Correlation from which two channels have the same sound in a window. */
const ALIKE = 0.9;
/** Share of the windows that have to be alike. */
const MOSTLY = 0.7;
/** Decibels by which levels may differ from window to window where the sound is the same. */
const LEVEL_SPREAD = 6;
/** Live windows of each channel that are enough to know. */
const ENOUGH = 20;

/**
 * Finds out whether two channels carry two parties, from the beginning of a recording. Decided by what lies in both at
 * the same time: one sound on both channels keeps its ratio of levels, a party that leaks into the other's channel is
 * louder in its own.
 */
export class StereoProbe {
  readonly #rest: [Float32Array, Float32Array] = [new Float32Array(WINDOW), new Float32Array(WINDOW)];
  #filled = 0;
  readonly #windows: { left: number; right: number; product: number }[] = [];

  push(left: Float32Array, right: Float32Array): void {
    for (let taken = 0; taken < left.length; ) {
      const count = Math.min(left.length - taken, WINDOW - this.#filled);
      this.#rest[0].set(left.subarray(taken, taken + count), this.#filled);
      this.#rest[1].set(right.subarray(taken, taken + count), this.#filled);
      this.#filled += count;
      taken += count;
      if (this.#filled === WINDOW) this.#measure();
    }
  }

  /** Whether more sound would not change {@link kind}. */
  get isSure(): boolean {
    const { left, right } = this.#alive();
    return left.length >= ENOUGH && right.length >= ENOUGH;
  }

  kind(): StereoKind {
    if (this.#filled > 0) this.#measure();
    const { left, right } = this.#alive();
    if (left.length === 0 || right.length === 0) return "single";
    const both = left.filter((window) => right.includes(window));
    const correlations = both.map(({ left, right, product }) => product / Math.sqrt(left * right));
    const levels = both.map(({ left, right }) => 10 * Math.log10(left / right)).sort((a, b) => a - b);
    const spread = levels.length > 0 ? at(levels, 0.9) - at(levels, 0.1) : Number.POSITIVE_INFINITY;
    const together = both.length >= MOSTLY * Math.max(left.length, right.length);
    if (!together || spread > LEVEL_SPREAD) return "apart";
    const share = (holds: (correlation: number) => boolean) =>
      correlations.filter(holds).length / correlations.length;
    if (share((correlation) => correlation > ALIKE) >= MOSTLY) return "same";
    if (share((correlation) => correlation < -ALIKE) >= MOSTLY) return "opposite";
    return "apart";
  }

  #alive() {
    const least = (side: "left" | "right") =>
      Math.max(ALIVE, FAINT * this.#windows.reduce((most, window) => Math.max(most, window[side]), 0));
    const [leastLeft, leastRight] = [least("left"), least("right")];
    return {
      left: this.#windows.filter(({ left }) => left >= leastLeft),
      right: this.#windows.filter(({ right }) => right >= leastRight),
    };
  }

  #measure(): void {
    const [a, b] = this.#rest;
    const sums = { left: 0, right: 0, product: 0 };
    for (let i = 0; i < this.#filled; i++) {
      sums.left += a[i]! * a[i]!;
      sums.right += b[i]! * b[i]!;
      sums.product += a[i]! * b[i]!;
    }
    const n = this.#filled;
    this.#windows.push({ left: sums.left / n, right: sums.right / n, product: sums.product / n });
    this.#filled = 0;
  }
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}
