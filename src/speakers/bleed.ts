import { joinSamples } from "../audio/join-samples.js";
import { SAMPLE_RATE } from "../types/audio.js";

/** Samples that are muted or not: 20 ms. */
const FRAME = SAMPLE_RATE / 50;
/** Frames on either side whose levels and likeness are taken together with its own: 0.2 s in all. */
const AROUND = 5;
/**
 * Power ratio from which a sound is the louder channel's own: 1.5 dB. Less is one sound on both; what leaks is at least as
 * much softer, or nobody could tell whose it is.
 */
const LOUDER_SIDE = Math.SQRT2;
/** Power ratio from which the other channel hides who speaks as softly as what leaks: 10 dB. */
const MUCH_LOUDER = 10;
/** Correlation from which most of what is heard is the other channel's. */
const MOSTLY = Math.SQRT1_2;
/** Correlation from which it is nothing else: all but 4 % of the power. */
const ALL = 0.98;
/** Samples by which what leaks may be late or early. */
const LAG = 4;

type Stereo = [left: Float32Array, right: Float32Array];

interface Frame {
  powers: [number, number];
  /** By lag, from -LAG to LAG. */
  products: number[];
}

/**
 * Silences what leaks from one channel of a call into the other: where that is the louder one and has the same sound. The
 * louder side stays, so that channels which leak into each other keep their own party each. Who speaks at the same time is
 * another sound, and stays too, however softly. One sound that is as loud on both, such as an announcement before the
 * call, stays on the left.
 *
 * Gives each sample 0.1 s after it came, and the same whatever the blocks are.
 */
export class BleedGate {
  /** Samples from the beginning of frame {@link #first} on; those before {@link #given} have been given. */
  #samples: Stereo = [new Float32Array(0), new Float32Array(0)];
  #first = 0;
  #given = 0;
  /** Of frames from {@link #measuredFrom} on. */
  #frames: Frame[] = [];
  #measuredFrom = 0;

  /** Takes the next samples of both channels and returns those that are ready. */
  push(left: Float32Array, right: Float32Array): Stereo {
    const kept = this.#samples.map((samples) =>
      samples.subarray(Math.max(0, this.#given - this.#first - 1) * FRAME),
    ) as Stereo;
    this.#first = Math.max(this.#first, this.#given - 1);
    this.#samples = [joinSamples([kept[0], left]), joinSamples([kept[1], right])];
    const whole = this.#first + Math.floor((this.#samples[0].length - LAG) / FRAME);
    this.#measure(whole);
    return this.#give(this.#measured - AROUND);
  }

  /** The rest. */
  flush(): Stereo {
    const end = this.#first + Math.ceil(this.#samples[0].length / FRAME);
    this.#measure(end);
    return this.#give(end);
  }

  get #measured(): number {
    return this.#measuredFrom + this.#frames.length;
  }

  /** Frames up to `end`. */
  #measure(end: number): void {
    for (let frame = this.#measured; frame < end; frame++)
      this.#frames.push(measure(...this.#samples, (frame - this.#first) * FRAME));
  }

  /** Frames up to `end`, silenced where that is due. */
  #give(end: number): Stereo {
    const from = (this.#given - this.#first) * FRAME;
    for (; this.#given < end; this.#given++) {
      const start = (this.#given - this.#first) * FRAME;
      this.#muted(this.#given)?.fill(0, start, start + FRAME);
    }
    const needless = Math.max(0, this.#given - AROUND - this.#measuredFrom);
    this.#frames.splice(0, needless);
    this.#measuredFrom += needless;
    const to = (this.#given - this.#first) * FRAME;
    return [this.#samples[0].slice(from, to), this.#samples[1].slice(from, to)];
  }

  /** The channel that has nothing of its own in a frame. */
  #muted(frame: number): Float32Array | undefined {
    const place = frame - this.#measuredFrom;
    const near = this.#frames.slice(Math.max(0, place - AROUND), place + AROUND + 1);
    const total = (side: 0 | 1) => near.reduce((sum, { powers }) => sum + powers[side], 0);
    const [a, b] = [total(0), total(1)];
    if (a === 0 || b === 0) return undefined;
    const quiet = b > LOUDER_SIDE * a ? 0 : 1;
    const isFaint = a > MUCH_LOUDER * b || b > MUCH_LOUDER * a;
    if (this.#frames[place]!.powers[quiet] === 0) return undefined;
    let likeness = 0;
    for (let lag = 0; lag <= 2 * LAG; lag++) {
      const product = near.reduce((sum, { products }) => sum + products[lag]!, 0);
      likeness = Math.max(likeness, Math.abs(product) / Math.sqrt(a * b));
    }
    return likeness >= (isFaint ? MOSTLY : ALL) ? this.#samples[quiet] : undefined;
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
