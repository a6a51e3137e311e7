import { SAMPLE_RATE } from "../types/audio.js";

/** Samples that are muted or not: 20 ms. */
const FRAME = SAMPLE_RATE / 50;
/** Frames whose levels and likeness are taken together: 0.2 s. */
const AROUND = 10;
/** Power ratio from which the other channel is the louder one: 10 dB. */
const LOUDER = 10;
/** Correlation from which what is heard is the other channel's. */
const ALIKE = 0.5;
/** Samples by which what leaks may be late or early. */
const LAG = 4;

interface Frame {
  powers: [number, number];
  /** By lag, from -LAG to LAG. */
  products: number[];
}

/**
 * Silences what leaks from one channel of a call into the other: where the other channel is much louder and has the same
 * sound. Who speaks softly at the same time is another sound, and stays.
 *
 * @param left, right a block of the recording, changed in place
 */
export function muteBleed(left: Float32Array, right: Float32Array): void {
  const frames: Frame[] = [];
  for (let start = 0; start < left.length; start += FRAME) frames.push(measure(left, right, start));
  for (const [index, { powers }] of frames.entries()) {
    const near = frames.slice(Math.max(0, index - AROUND / 2), index + AROUND / 2 + 1);
    const total = (side: 0 | 1) => near.reduce((sum, frame) => sum + frame.powers[side], 0);
    const [a, b] = [total(0), total(1)];
    if (a === 0 || b === 0) continue;
    const quiet = a > LOUDER * b ? right : b > LOUDER * a ? left : undefined;
    if (!quiet || powers[quiet === left ? 0 : 1] === 0) continue;
    let likeness = 0;
    for (let lag = 0; lag <= 2 * LAG; lag++) {
      const product = near.reduce((sum, frame) => sum + frame.products[lag]!, 0);
      likeness = Math.max(likeness, Math.abs(product) / Math.sqrt(a * b));
    }
    if (likeness >= ALIKE) quiet.fill(0, index * FRAME, (index + 1) * FRAME);
  }
}

function measure(left: Float32Array, right: Float32Array, start: number): Frame {
  const end = Math.min(start + FRAME, left.length);
  const powers: [number, number] = [0, 0];
  const products = new Array<number>(2 * LAG + 1).fill(0);
  for (let i = start; i < end; i++) {
    const [a, b] = [left[i]!, right[i]!];
    powers[0] += a * a;
    powers[1] += b * b;
    for (let lag = -LAG; lag <= LAG; lag++) products[lag + LAG]! += a * (right[i + lag] ?? 0);
  }
  return { powers, products };
}
