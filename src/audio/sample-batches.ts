/**
 * Samples that come in blocks of any length, in batches of one: audio arrives in packets of a few hundredths of a second,
 * each of which would be a way to a worker thread and back.
 */
export class SampleBatches {
  readonly #batch: Float32Array;
  #filled = 0;

  /** @param length of a batch */
  constructor(length: number) {
    this.#batch = new Float32Array(length);
  }

  /** Takes a block and gives the batches that it completes, in arrays of their own. */
  *push(samples: Float32Array): Generator<Float32Array> {
    for (let taken = 0; taken < samples.length; ) {
      const piece = samples.subarray(taken, taken + this.#batch.length - this.#filled);
      this.#batch.set(piece, this.#filled);
      this.#filled += piece.length;
      taken += piece.length;
      if (this.#filled === this.#batch.length) yield this.rest();
    }
  }

  /** What is left, which may be nothing. */
  rest(): Float32Array {
    const rest = this.#batch.slice(0, this.#filled);
    this.#filled = 0;
    return rest;
  }
}
