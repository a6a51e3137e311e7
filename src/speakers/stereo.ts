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
/** Windows that are kept, 2.3 hours: of more every second one, then every fourth and so on. */
const MOST_WINDOWS = 16_384;
/** Numbers of each window: the mean powers of left and right, and their mean product. */
const NUMBERS = 3;

/**
 * Finds out whether two channels carry two parties. Decided by what lies in both at the same time: one sound on both
 * channels keeps its ratio of levels, a party that leaks into the other's channel is louder in its own. Where each channel
 * has sound for itself, the same sound before – waiting, an announcement – does not count.
 */
export class StereoProbe {
  readonly #windows = new Float64Array(NUMBERS * MOST_WINDOWS);
  #count = 0;
  /** One of so many windows is kept, of those that have passed. */
  #every = 1;
  #passed = 0;
  /** Sums over the window under way, and its samples. */
  readonly #sums = new Float64Array(NUMBERS);
  #filled = 0;

  push(left: Float32Array, right: Float32Array): void {
    for (let taken = 0; taken < left.length; ) {
      const end = Math.min(left.length, taken + WINDOW - this.#filled);
      this.#add(left.subarray(taken, end), right.subarray(taken, end));
      taken = end;
      if (this.#filled === WINDOW) this.#endWindow();
    }
  }

  /** What all sound until now is; more of it may tell otherwise. */
  kind(): StereoKind {
    if (this.#filled > 0) this.#measure();
    const count = this.#count + (this.#filled > 0 ? 1 : 0);
    const windows = this.#windows.subarray(0, NUMBERS * count);
    const [leastLeft, leastRight] = [least(windows, 0), least(windows, 1)];
    let [onLeft, onRight, either, both] = [0, 0, 0, 0];
    let [aloneLeft, aloneRight, alike, opposite] = [0, 0, 0, 0];
    const levels = new Float64Array(count);
    for (let i = 0; i < windows.length; i += NUMBERS) {
      const [left, right, product] = [windows[i]!, windows[i + 1]!, windows[i + 2]!];
      const [hasLeft, hasRight] = [left >= leastLeft, right >= leastRight];
      if (hasLeft) onLeft++;
      if (hasRight) onRight++;
      if (hasLeft || hasRight) either++;
      if (hasLeft && left > ALONE * right) aloneLeft++;
      if (hasRight && right > ALONE * left) aloneRight++;
      if (!hasLeft || !hasRight) continue;
      levels[both++] = 10 * Math.log10(left / right);
      const correlation = product / Math.sqrt(left * right);
      if (correlation > ALIKE) alike++;
      if (correlation < -ALIKE) opposite++;
    }
    if (onLeft === 0 || onRight === 0) return "single";
    if (Math.min(aloneLeft, aloneRight) >= Math.max(ENOUGH / this.#every, ENOUGH_SHARE * either))
      return "apart";
    if (both < MOSTLY * Math.max(onLeft, onRight)) return "apart";
    const sorted = levels.subarray(0, both).sort();
    if (at(sorted, 0.9) - at(sorted, 0.1) > LEVEL_SPREAD) return "apart";
    if (alike >= MOSTLY * both) return "same";
    return opposite >= MOSTLY * both ? "opposite" : "apart";
  }

  #add(left: Float32Array, right: Float32Array): void {
    let [leftPower, rightPower, product] = [this.#sums[0]!, this.#sums[1]!, this.#sums[2]!];
    for (let i = 0; i < left.length; i++) {
      const [a, b] = [left[i]!, right[i]!];
      leftPower += a * a;
      rightPower += b * b;
      product += a * b;
    }
    this.#sums.set([leftPower, rightPower, product]);
    this.#filled += left.length;
  }

  #endWindow(): void {
    if (this.#passed++ % this.#every === 0) {
      this.#measure();
      if (++this.#count === MOST_WINDOWS) this.#thinOut();
    }
    this.#sums.fill(0);
    this.#filled = 0;
  }

  /** Means of the window under way, behind those that are kept. */
  #measure(): void {
    this.#windows.set(
      this.#sums.map((sum) => sum / this.#filled),
      NUMBERS * this.#count,
    );
  }

  #thinOut(): void {
    this.#count /= 2;
    for (let i = 0; i < this.#count; i++)
      this.#windows.copyWithin(NUMBERS * i, 2 * NUMBERS * i, 2 * NUMBERS * i + NUMBERS);
    this.#every *= 2;
  }
}

/** Power from which a channel is alive in a window. @param side 0 left, 1 right */
function least(windows: Float64Array, side: 0 | 1): number {
  let most = 0;
  for (let i = side; i < windows.length; i += NUMBERS) most = Math.max(most, windows[i]!);
  return Math.max(ALIVE, FAINT * most);
}

function at(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}
