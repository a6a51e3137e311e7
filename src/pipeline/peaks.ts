const FULL_SCALE = 127;
/** Stretches that there is room for at first. */
const FIRST_ROOM = 1024;

/** Least and greatest sample of each stretch of a track. */
export class Peaks {
  #values = new Int8Array(2 * FIRST_ROOM);
  #stretches = 0;
  #inStretch = 0;
  #least = 0;
  #greatest = 0;

  /** @param stretch samples of one, which need not be whole */
  constructor(private readonly stretch: number) {}

  push(samples: Float32Array): void {
    for (const sample of samples) {
      if (sample < this.#least) this.#least = sample;
      if (sample > this.#greatest) this.#greatest = sample;
      if (++this.#inStretch >= this.stretch) this.#end();
    }
  }

  /** Those of all that was pushed, the last stretch as long as it is. */
  finish(): Int8Array {
    if (this.#inStretch >= 1) this.#end();
    return this.#values.slice(0, 2 * this.#stretches);
  }

  #end(): void {
    if (2 * this.#stretches === this.#values.length) {
      const larger = new Int8Array(2 * this.#values.length);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[2 * this.#stretches] = scaled(this.#least);
    this.#values[2 * this.#stretches + 1] = scaled(this.#greatest);
    this.#stretches++;
    this.#inStretch -= this.stretch;
    this.#least = this.#greatest = 0;
  }
}

/** Decoders go a little beyond 1. */
function scaled(sample: number): number {
  return Math.round(FULL_SCALE * Math.max(-1, Math.min(1, sample)));
}
