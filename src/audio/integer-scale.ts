/** Samples beyond this are no sound at full scale ±1, however hot. */
const LARGEST_FLOAT = 64;
/** Where only whole numbers occur, the least that is no full scale of ±1. */
const LEAST_INTEGER = 2;
const FULL_SCALE = 2 ** 15;

/**
 * Floating-point samples that are 16-bit numbers, ±32768 in place of ±1, as programs write that convert the type and forget
 * the scale: speech at that level is none to any model. From where they show they are brought to scale, in place.
 */
export class IntegerScale {
  #isInteger = false;
  #isFloat = false;

  apply(samples: Float32Array): void {
    if (!this.#isInteger) this.#look(samples);
    if (this.#isInteger) for (let i = 0; i < samples.length; i++) samples[i]! /= FULL_SCALE;
  }

  warnings(): string[] {
    if (!this.#isInteger) return [];
    return [
      `The samples are numbers of 16 bits (±${FULL_SCALE}) in a floating-point format: they were divided by ${FULL_SCALE}`,
    ];
  }

  #look(samples: Float32Array): void {
    let largest = 0;
    let whole = true;
    for (const sample of samples) {
      const magnitude = Math.abs(sample);
      if (magnitude > largest) largest = magnitude;
      if (whole && !Number.isInteger(sample)) whole = false;
    }
    this.#isInteger = largest > LARGEST_FLOAT || (!this.#isFloat && whole && largest >= LEAST_INTEGER);
    if (!whole) this.#isFloat = true;
  }
}
