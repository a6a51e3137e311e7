import { SAMPLE_RATE } from "../types/audio.js";
import type { ByteReader } from "./byte-reader.js";
import { decodePcm, silenceInvalidSamples } from "./pcm.js";

/** Interleaved samples at {@link SAMPLE_RATE}, with the time of the first. */
export interface TimedBlock {
  /** Seconds. */
  time: number;
  samples: Float32Array;
}

/** Element names of RFC 9559 that FFmpeg's muxer writes samples into; the rest is skipped. */
const SEGMENT = 0x18538067;
const TRACKS = 0x1654ae6b;
const TRACK_ENTRY = 0xae;
const AUDIO = 0xe1;
const CHANNELS = 0x9f;
const CLUSTER = 0x1f43b675;
const CLUSTER_TIME = 0xe7;
const SIMPLE_BLOCK = 0xa3;
const BLOCK_GROUP = 0xa0;
const BLOCK = 0xa1;

const ENTERED = new Set([SEGMENT, TRACKS, TRACK_ENTRY, AUDIO, CLUSTER, BLOCK_GROUP]);
/** Bytes of track number, relative time and flags, before a block's samples. */
const BLOCK_HEAD = 4;
/** Times are in milliseconds, the muxer's only scale for sound in a pipe. */
const SCALE = 1000;

/** Reads what FFmpeg writes for us: one track of float samples in Matroska, in a pipe. */
export class MatroskaReader {
  channels = 0;
  /** Samples that were no finite numbers. */
  invalid = 0;
  readonly #reader: ByteReader;
  #clusterTime = 0;

  constructor(reader: ByteReader) {
    this.#reader = reader;
  }

  /** Reads up to the first block. False when there is none at all, not even a header. */
  async open(): Promise<boolean> {
    for (;;) {
      const head = await this.#head();
      if (!head) return this.channels > 0;
      if (head.id === CHANNELS) {
        this.channels = (await this.#unsigned(head.size)) || 1;
        return true;
      }
      if (!ENTERED.has(head.id)) await this.#reader.skip(head.size);
    }
  }

  /** Blocks of a second or less. */
  async *blocks(): AsyncGenerator<TimedBlock> {
    const most = SAMPLE_RATE * this.channels;
    for (;;) {
      const head = await this.#head();
      if (!head) return;
      const { id, size } = head;
      if (id === CLUSTER_TIME) this.#clusterTime = await this.#unsigned(size);
      else if (id === SIMPLE_BLOCK || id === BLOCK) {
        const bytes = await this.#reader.read(size);
        if (bytes.byteLength < BLOCK_HEAD) return;
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        const time = (this.#clusterTime + view.getInt16(1)) / SCALE;
        const whole = bytes.byteLength - ((bytes.byteLength - BLOCK_HEAD) % (4 * this.channels));
        const samples = decodePcm("pcm_f32le", bytes.subarray(BLOCK_HEAD, whole));
        this.invalid += silenceInvalidSamples(samples);
        for (let start = 0; start < samples.length; start += most) {
          const seconds = start / this.channels / SAMPLE_RATE;
          yield { time: time + seconds, samples: samples.subarray(start, start + most) };
        }
      } else if (!ENTERED.has(id)) await this.#reader.skip(size);
    }
  }

  async #head(): Promise<{ id: number; size: number } | undefined> {
    const idLength = vintLength(await this.#reader.peek(1));
    const id = unsigned(await this.#reader.read(idLength));
    const sizeLength = vintLength(await this.#reader.peek(1));
    const size = await this.#reader.read(sizeLength);
    if (idLength === 0 || size.byteLength < sizeLength || sizeLength === 0) return undefined;
    // The marker of the length is no part of the number. Unknown sizes occur with elements that are entered only.
    const marker = 2 ** (8 - sizeLength);
    return { id, size: (size[0]! % marker) * 256 ** (sizeLength - 1) + unsigned(size.subarray(1)) };
  }

  async #unsigned(size: number): Promise<number> {
    return unsigned(await this.#reader.read(size));
  }
}

/** Bytes of the variable-length number that begins with this byte. */
function vintLength(bytes: Uint8Array): number {
  return bytes.byteLength === 0 || bytes[0] === 0 ? 0 : Math.clz32(bytes[0]!) - 23;
}

function unsigned(bytes: Uint8Array): number {
  return bytes.reduce((number, byte) => number * 256 + byte, 0);
}
