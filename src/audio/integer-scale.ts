/** A sample beyond this is none at full scale ±1, however hot; a few are damage. */
const LARGEST_FLOAT = 64;
/** Share of a second's sound that has to lie beyond. */
const MUCH = 0.25;
/** Where nearly all are whole numbers, the least that is no full scale of ±1, and the share of the sound that reaches it. */
const LEAST_INTEGER = 2;
const NEARLY_ALL = 0.99;
const SOME = 0.1;
/** Part of a second, or of all that is held back where that is less, that has to be sound: a word, and no click. */
const SHORTEST = 0.1;
/** Seconds of sound that are judged one by one before what tells nothing is let go. */
const MOST = 3;
/** Seconds, zeros and all, that are held back. */
const LONGEST_HELD = 6;
/** The same in samples of all channels: 16 MiB. */
const MOST_HELD = 4 * 1024 * 1024;
const FULL_SCALE = 2 ** 15;

/**
 * Floating-point samples that are 16-bit numbers, ±32768 in place of ±1, as programs write that convert the type and forget
 * the scale: speech at that level is none to any model.
 *
 * Samples pass as they are until one is whole or beyond full scale. From that one on they are held back until what most
 * of a second of sound is tells the scale, once for all that follows; single samples of absurd size are damage, tell
 * nothing of the rest and become silence. Where less than a second of sound is left, or comes between long silences, it is
 * judged together with the sound before. What is given does not depend on the blocks in which it comes.
 */
export class IntegerScale {
  readonly #channels: number;
  /** Samples of all channels. */
  readonly #second: number;
  readonly #longest: number;
  #isInteger = false;
  /** Samples of sound that were given as they are, up to a second. */
  #heard = 0;
  #suspects = false;
  #held: Float32Array[] = [];
  /** Samples that are held back, and whole seconds of sound among them. */
  #length = 0;
  #judged = 0;
  #tally = new Tally();
  #damaged = 0;

  /** @param rate Hz */
  constructor(channels: number, rate: number) {
    this.#channels = channels;
    this.#second = channels * rate;
    this.#longest = Math.min(LONGEST_HELD * this.#second, MOST_HELD);
  }

  /** What is ready of all samples until now, brought to scale, in place. @param interleaved whole frames */
  push(interleaved: Float32Array): Float32Array[] {
    const ready: Float32Array[] = [];
    let given = 0;
    for (let frame = 0; frame < interleaved.length && !this.#isInteger; frame += this.#channels) {
      const end = frame + this.#channels;
      if (!this.#suspects) {
        if (!anySuspect(interleaved, frame, end)) continue;
        this.#suspects = true;
        if (given < frame) ready.push(this.#passOn(interleaved.subarray(given, frame)));
        given = frame;
      }
      for (let i = frame; i < end; i++) this.#tally.add(interleaved[i]!);
      this.#length += this.#channels;
      if (this.#goesOn()) continue;
      this.#held.push(interleaved.subarray(given, end));
      given = end;
      ready.push(...this.#release());
    }
    if (given === interleaved.length) return ready;
    const rest = interleaved.subarray(given);
    if (this.#suspects) this.#held.push(rest);
    else ready.push(this.#passOn(rest));
    return ready;
  }

  /** What is still held back. */
  flush(): Float32Array[] {
    this.#isInteger ||= this.#tellsOfInteger();
    return this.#release();
  }

  warnings(): string[] {
    const damage = `${this.#damaged} samples were far beyond full scale and became silence`;
    if (!this.#isInteger) return this.#damaged > 0 ? [damage] : [];
    return [
      ...(this.#damaged > 0 ? [damage] : []),
      `The samples are numbers of 16 bits (±${FULL_SCALE}) in a floating-point format: they were divided by ${FULL_SCALE}`,
    ];
  }

  /** Whether what is held back tells nothing yet. */
  #goesOn(): boolean {
    if (this.#tally.sound < this.#second) {
      if (this.#length < this.#longest) return true;
      this.#isInteger = this.#tellsOfInteger();
      return false;
    }
    this.#isInteger = this.#tally.isInteger();
    this.#judged++;
    const tellsNothing = this.#tally.isOdd;
    this.#tally = new Tally();
    return !this.#isInteger && tellsNothing && this.#judged < MOST && this.#length < this.#longest;
  }

  /** Whether less than a second of sound does. */
  #tellsOfInteger(): boolean {
    const { sound } = this.#tally;
    if (sound < SHORTEST * Math.min(this.#second, this.#length)) return false;
    return this.#tally.isInteger(Math.min(this.#heard, this.#second - sound));
  }

  #release(): Float32Array[] {
    if (!this.#isInteger) for (const samples of this.#held) this.#damaged += silenceBeyond(samples);
    const blocks = this.#held.map((samples) => this.#passOn(samples));
    this.#held = [];
    this.#length = 0;
    this.#judged = 0;
    this.#tally = new Tally();
    this.#suspects = false;
    return blocks;
  }

  /** Brought to scale, or heard as they are. */
  #passOn(samples: Float32Array): Float32Array {
    if (this.#isInteger) {
      for (let i = 0; i < samples.length; i++) samples[i]! /= FULL_SCALE;
      return samples;
    }
    for (let i = 0; i < samples.length && this.#heard < this.#second; i++)
      if (samples[i] !== 0) this.#heard++;
    return samples;
  }
}

/** Puts 0 for what is no sound at full scale ±1, and says how often. */
function silenceBeyond(samples: Float32Array): number {
  let count = 0;
  for (let i = 0; i < samples.length; i++) {
    if (Math.abs(samples[i]!) <= LARGEST_FLOAT) continue;
    samples[i] = 0;
    count++;
  }
  return count;
}

function anySuspect(samples: Float32Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const sample = samples[i]!;
    if (sample !== 0 && (Math.abs(sample) >= LEAST_INTEGER || Number.isInteger(sample))) return true;
  }
  return false;
}

/** What samples are like. */
class Tally {
  /** Samples that are not 0. */
  sound = 0;
  #beyond = 0;
  #whole = 0;
  #large = 0;

  add(sample: number): void {
    if (sample === 0) return;
    this.sound++;
    const magnitude = Math.abs(sample);
    if (magnitude > LARGEST_FLOAT) this.#beyond++;
    if (magnitude >= LEAST_INTEGER) this.#large++;
    if (Number.isInteger(sample)) this.#whole++;
  }

  /** Whether it is numbers of 16 bits. @param others samples of sound that are none, to be counted with it */
  isInteger(others = 0): boolean {
    if (this.sound === 0) return false;
    const all = this.sound + others;
    if (this.#beyond >= MUCH * all) return true;
    return this.#whole >= NEARLY_ALL * all && this.#large >= SOME * all;
  }

  /** Whether it is not what sound at full scale ±1 is, clipped or not. */
  get isOdd(): boolean {
    return this.#large > 0 || this.#whole >= NEARLY_ALL * this.sound;
  }
}
