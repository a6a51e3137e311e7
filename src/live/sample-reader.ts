import { turned } from "../audio/byte-order.js";
import { each } from "../audio/channels.js";
import { decodePcm, type PcmCodec, SAMPLE_BYTES, silenceInvalidSamples } from "../audio/pcm.js";
import type { LiveEncoding } from "../types/live.js";

const CODECS: Readonly<Record<LiveEncoding, PcmCodec>> = {
  s16le: "pcm_s16le",
  s16be: "pcm_s16le",
  f32le: "pcm_f32le",
  u8: "pcm_u8",
  mulaw: "pcm_mulaw",
  alaw: "pcm_alaw",
};

/** Bytes of a sample of every channel. */
export function frameBytes(encoding: LiveEncoding, channels: number): number {
  return SAMPLE_BYTES[CODECS[encoding]] * channels;
}

/** Samples of a stream of bytes that may be cut anywhere, in the middle of a sample too. */
export class SampleReader {
  readonly #encoding: LiveEncoding;
  readonly #channels: number;
  /** Of a frame that has not come whole. */
  #rest = new Uint8Array(0);
  /** Samples so far that were no numbers of sensible size and became silence. */
  invalid = 0;

  constructor(encoding: LiveEncoding, channels: number) {
    this.#encoding = encoding;
    this.#channels = channels;
  }

  /** Bytes of a frame that has not come whole. */
  get left(): number {
    return this.#rest.length;
  }

  /** Samples in [-1, 1] of the frames that are whole now, one array for each channel. */
  push(bytes: Uint8Array): Float32Array[] {
    const size = frameBytes(this.#encoding, this.#channels);
    const all = new Uint8Array(this.#rest.length + bytes.length);
    all.set(this.#rest);
    all.set(bytes, this.#rest.length);
    const whole = all.length - (all.length % size);
    this.#rest = all.slice(whole);
    const ours = all.subarray(0, whole);
    const samples = decodePcm(CODECS[this.#encoding], this.#encoding === "s16be" ? turned(ours, 2) : ours);
    this.invalid += silenceInvalidSamples(samples);
    return each(samples, this.#channels);
  }
}
