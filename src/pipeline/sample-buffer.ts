/** The part of a track that is still needed, addressed by sample positions in the whole track. */
export class SampleBuffer {
  #samples = new Float32Array(0);
  /** Position of `#samples[0]` in the track. */
  #origin = 0;
  #length = 0;

  /** Position of the first sample that is still held. */
  get start(): number {
    return this.#origin;
  }

  /** Position after the last sample; the number of samples appended in all. */
  get end(): number {
    return this.#origin + this.#length;
  }

  /** Copies `samples`, so that the caller may use its array again. */
  append(samples: Float32Array): void {
    this.#reserve(this.#length + samples.length);
    this.#samples.set(samples, this.#length);
    this.#length += samples.length;
  }

  /** A view that is valid until the next `append` or `discardBefore`. */
  view(from: number, to: number): Float32Array {
    return this.#samples.subarray(from - this.#origin, to - this.#origin);
  }

  /** A copy for keeps. */
  slice(from: number, to: number): Float32Array {
    return this.#samples.slice(from - this.#origin, to - this.#origin);
  }

  /** Forgets what lies before `position`. */
  discardBefore(position: number): void {
    const dropped = Math.min(position, this.end) - this.#origin;
    if (dropped <= 0) return;
    this.#samples.copyWithin(0, dropped, this.#length);
    this.#origin += dropped;
    this.#length -= dropped;
  }

  #reserve(length: number): void {
    if (length <= this.#samples.length) return;
    const grown = new Float32Array(Math.max(length, 2 * this.#samples.length));
    grown.set(this.#samples.subarray(0, this.#length));
    this.#samples = grown;
  }
}
