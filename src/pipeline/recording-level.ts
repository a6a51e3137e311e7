/**
 * Power below which a frame is digital silence, whatever the recording: -94 dBFS, just above the dither of 16-bit audio,
 * which is half a step.
 */
export const DIGITAL_SILENCE = 4e-10;

/**
 * How loud a recording has been so far: the level that its loudest frames of some seconds in all reach. It only rises,
 * does not depend on the blocks in which the recording arrives, and moves with the recording when that is made louder
 * or softer.
 */
export class RecordingLevel {
  /** Powers of the loudest frames so far, rising. */
  readonly #loudest: Float64Array;

  /**
   * @param frames that have to be as loud together, wherever they are: the more, the less a slammed door counts and the
   *   later the level is known
   */
  constructor(frames: number) {
    this.#loudest = new Float64Array(frames);
  }

  /** Counts a frame of `power`, the mean square of its samples. */
  add(power: number): void {
    const loudest = this.#loudest;
    if (power <= loudest[0]!) return;
    let place = 1;
    for (; place < loudest.length && loudest[place]! < power; place++) loudest[place - 1] = loudest[place]!;
    loudest[place - 1] = power;
  }

  /** Mean square that the loudest frames reach; 0 until there are enough of them. */
  get power(): number {
    return this.#loudest[0]!;
  }
}

/** Mean square of the samples about their mean: a constant offset has none. */
export function framePower(frame: Float32Array): number {
  let sum = 0;
  let sumOfSquares = 0;
  for (const sample of frame) {
    sum += sample;
    sumOfSquares += sample * sample;
  }
  const mean = sum / frame.length;
  return Math.max(sumOfSquares / frame.length - mean * mean, 0);
}
