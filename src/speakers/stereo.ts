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
/** Power ratio from which a window is one channel's alone: 10 dB. */
const ALONE = 10;
/** Windows that each channel has to have alone for two parties, whatever else there is: 10 s, and this share of all. */
const ENOUGH = 20;
const ENOUGH_SHARE = 0.05;

interface Window {
  /** Mean powers, and the mean product. */
  left: number;
  right: number;
  product: number;
}

/**
 * Finds out whether two channels carry two parties. Decided by what lies in both at the same time: one sound on both
 * channels keeps its ratio of levels, a party that leaks into the other's channel is louder in its own. Where each channel
 * has sound for itself, the same sound before – waiting, an announcement – does not count.
 */
export class StereoProbe {
  readonly #rest: [Float32Array, Float32Array] = [new Float32Array(WINDOW), new Float32Array(WINDOW)];
  #filled = 0;
  readonly #windows: Window[] = [];

  push(left: Float32Array, right: Float32Array): void {
    for (let taken = 0; taken < left.length; ) {
      const count = Math.min(left.length - taken, WINDOW - this.#filled);
      this.#rest[0].set(left.subarray(taken, taken + count), this.#filled);
      this.#rest[1].set(right.subarray(taken, taken + count), this.#filled);
      this.#filled += count;
      taken += count;
      if (this.#filled < WINDOW) continue;
      this.#windows.push(this.#measured());
      this.#filled = 0;
    }
  }

  /** What all sound until now is; more of it may tell otherwise. */
  kind(): StereoKind {
    const windows = this.#filled > 0 ? [...this.#windows, this.#measured()] : this.#windows;
    const [leastLeft, leastRight] = [least(windows, "left"), least(windows, "right")];
    let [left, right, either, onLeft, onRight] = [0, 0, 0, 0, 0];
    const both: Window[] = [];
    for (const window of windows) {
      const [hasLeft, hasRight] = [window.left >= leastLeft, window.right >= leastRight];
      if (hasLeft) left++;
      if (hasRight) right++;
      if (hasLeft || hasRight) either++;
      if (hasLeft && hasRight) both.push(window);
      if (hasLeft && window.left > ALONE * window.right) onLeft++;
      if (hasRight && window.right > ALONE * window.left) onRight++;
    }
    if (left === 0 || right === 0) return "single";
    if (Math.min(onLeft, onRight) >= Math.max(ENOUGH, ENOUGH_SHARE * either)) return "apart";
    const correlations = both.map(({ left, right, product }) => product / Math.sqrt(left * right));
    const levels = both.map(({ left, right }) => 10 * Math.log10(left / right)).sort((a, b) => a - b);
    const spread = levels.length > 0 ? at(levels, 0.9) - at(levels, 0.1) : Number.POSITIVE_INFINITY;
    const together = both.length >= MOSTLY * Math.max(left, right);
    if (!together || spread > LEVEL_SPREAD) return "apart";
    const share = (holds: (correlation: number) => boolean) =>
      correlations.filter(holds).length / correlations.length;
    if (share((correlation) => correlation > ALIKE) >= MOSTLY) return "same";
    if (share((correlation) => correlation < -ALIKE) >= MOSTLY) return "opposite";
    return "apart";
  }

  #measured(): Window {
    const [a, b] = this.#rest;
    const sums = { left: 0, right: 0, product: 0 };
    for (let i = 0; i < this.#filled; i++) {
      sums.left += a[i]! * a[i]!;
      sums.right += b[i]! * b[i]!;
      sums.product += a[i]! * b[i]!;
    }
    const n = this.#filled;
    return { left: sums.left / n, right: sums.right / n, product: sums.product / n };
  }
}

/** Power from which a channel is alive in a window. */
function least(windows: readonly Window[], side: "left" | "right"): number {
  return Math.max(ALIVE, FAINT * windows.reduce((most, window) => Math.max(most, window[side]), 0));
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}
