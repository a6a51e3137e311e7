import type { ChannelSelector } from "./channel-selector.js";
import { joinSamples } from "./join-samples.js";
import { SampleBatches } from "./sample-batches.js";

/** Seconds that are looked at together: longer than a syllable's swing, shorter than a word that would be lost. */
const WINDOW = 0.2;

/**
 * A mix with less power than this, relative to the loudest channel's, has lost what the channels share. Two equal
 * channels that have nothing to do with each other give 0.5, one channel beside silence 0.25, opposite phase 0; equal
 * channels reach 0.125 at a correlation of -0.75.
 */
const CANCELLED = 0.125;
/** Power of a channel at which a loss can be heard at all: -80 dBFS. */
const AUDIBLE = 1e-8;
/** Seconds over which signs change, so that there is no click. */
const FADE = 0.005;

/**
 * The mean of all channels, with those turned round that would cancel the loudest one: two wires of a microphone the
 * wrong way round, or a decoder for which the second channel is a difference, give channels of opposite phase, whose
 * plain mean is silence. Where nothing cancels it is the plain mean, to the bit.
 */
export class PolarityMixer implements ChannelSelector {
  readonly trackCount = 1;
  readonly #channels: number;
  readonly #rate: number;
  readonly #windows: SampleBatches;
  #frames = 0;
  /** Factor of each channel in the window before. */
  #signs: number[] | undefined;
  #turnedFrames = 0;
  readonly #turnedChannels = new Set<number>();
  #firstTurned: number | undefined;

  /** @param rate Hz */
  constructor(channels: number, rate: number) {
    this.#channels = channels;
    this.#rate = rate;
    this.#windows = new SampleBatches(Math.max(1, Math.round(WINDOW * rate)) * channels);
  }

  select(interleaved: Float32Array): Float32Array[] {
    return [joinSamples(Array.from(this.#windows.push(interleaved), (window) => this.#mix(window)))];
  }

  flush(): Float32Array[] {
    const rest = this.#windows.rest();
    return [rest.length > 0 ? this.#mix(rest) : rest];
  }

  warnings(): string[] {
    if (this.#firstTurned === undefined) return [];
    const seconds = (frames: number) => (frames / this.#rate).toFixed(1);
    const list = [...this.#turnedChannels].sort((a, b) => a - b);
    const names = list.length === 1 ? `channel ${list[0]} was` : `channels ${list.join(", ")} were`;
    return [
      `The channels cancel each other when mixed (opposite phase) in ${seconds(this.#turnedFrames)} of ${seconds(this.#frames)} s, first at ${seconds(this.#firstTurned)} s: ${names} turned round there`,
    ];
  }

  #mix(frames: Float32Array): Float32Array {
    const length = frames.length / this.#channels;
    const signs = this.#choose(frames);
    const mixed = weightedMean(frames, signs);
    const last = this.#signs ?? signs;
    if (signs.some((sign, c) => sign !== last[c])) {
      const before = weightedMean(frames, last);
      const fade = Math.min(length, Math.ceil(FADE * this.#rate));
      for (let i = 0; i < fade; i++) mixed[i] = before[i]! + ((mixed[i]! - before[i]!) * (i + 1)) / fade;
    }
    this.#signs = signs;
    this.#frames += length;
    return mixed;
  }

  /** Signs of the channels in this window: all 1 unless they cancel. */
  #choose(frames: Float32Array): number[] {
    const channels = this.#channels;
    const length = frames.length / channels;
    // About their means: a constant offset is no sound, and would hide what the channels share.
    const means = channelMeans(frames, channels);
    const powers = new Float64Array(channels);
    let mixPower = 0;
    for (let i = 0; i < frames.length; ) {
      let sum = 0;
      for (let c = 0; c < channels; c++, i++) {
        const sample = frames[i]! - means[c]!;
        sum += sample;
        powers[c]! += sample * sample;
      }
      mixPower += (sum / channels) ** 2;
    }
    const loudest = powers.indexOf(powers.reduce((a, b) => Math.max(a, b)));
    // More channels share their mean among them: one that speaks alone has 1 / channels² of its power in the mix.
    const cancelled = (CANCELLED * 4) / channels ** 2;
    const plain = new Array(channels).fill(1);
    if (powers[loudest]! / length < AUDIBLE || mixPower >= cancelled * powers[loudest]!) return plain;
    const relative = plain.map((_, c) => (correlation(frames, loudest, c, means) < 0 ? -1 : 1));
    // The first channel stays as it is, so that nothing jumps when another becomes the loudest.
    const signs = relative.map((sign) => sign * relative[0]!);
    const turned = signs.flatMap((sign, c) => (sign < 0 ? [c] : []));
    if (turned.length === 0) return plain;
    for (const c of turned) this.#turnedChannels.add(c);
    this.#firstTurned ??= this.#frames;
    this.#turnedFrames += length;
    return signs;
  }
}

function channelMeans(frames: Float32Array, channels: number): Float64Array {
  const sums = new Float64Array(channels);
  for (let i = 0; i < frames.length; ) for (let c = 0; c < channels; c++, i++) sums[c]! += frames[i]!;
  return sums.map((sum) => (sum * channels) / frames.length);
}

function correlation(frames: Float32Array, a: number, b: number, means: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < frames.length; i += means.length)
    sum += (frames[i + a]! - means[a]!) * (frames[i + b]! - means[b]!);
  return sum;
}

function weightedMean(interleaved: Float32Array, signs: readonly number[]): Float32Array {
  const channels = signs.length;
  const samples = new Float32Array(interleaved.length / channels);
  for (let frame = 0, i = 0; frame < samples.length; frame++) {
    let sum = 0;
    for (let c = 0; c < channels; c++, i++) sum += signs[c]! * interleaved[i]!;
    samples[frame] = sum / channels;
  }
  return samples;
}
