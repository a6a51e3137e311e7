import { turned } from "./byte-order.js";
import type { ByteReader } from "./byte-reader.js";
import { PIECE_BYTES } from "./byte-source.js";
import { framesPerBlock } from "./frames.js";
import { decodePcm, SAMPLE_BYTES, silenceInvalidSamples } from "./pcm.js";
import { beginsRecording } from "./recording-beginnings.js";
import {
  CHUNK_HEAD,
  chunksFollow,
  findKnownChunk,
  fourCC,
  isWav,
  RIFF_HEAD,
  skipChunk,
  uint32,
} from "./riff-chunks.js";
import { id3Bytes } from "./sniff.js";
import type { WavHeader } from "./wav-header.js";

const NOTHING: Uint8Array = new Uint8Array(0);

/**
 * The samples of one WAV file whose header has been read. Sizes are what writers get wrong most: samples that lie
 * behind the announced ones are read too, chunks behind samples of unknown length are not. Leaves the reader where
 * another file begins, or at the end. What is missing, damaged or left out becomes a warning.
 */
export class WavSamples {
  readonly #reader: ByteReader;
  readonly #header: WavHeader;
  readonly #blockBytes: number;
  #received = 0;
  #invalid = 0;
  /** The beginning of a frame. */
  #partial = NOTHING;

  constructor(reader: ByteReader, header: WavHeader) {
    this.#reader = reader;
    this.#header = header;
    const { frameBytes, sampleRate } = header.format;
    this.#blockBytes = framesPerBlock(frameBytes, sampleRate) * frameBytes;
  }

  async *frames(): AsyncGenerator<Float32Array> {
    const { dataBytes } = this.#header;
    if (dataBytes === undefined) yield* this.#toTheEnd();
    else yield* this.#announced(dataBytes);
    yield* this.#behind();
    const { task } = this.#reader;
    if (dataBytes !== undefined && this.#received < dataBytes) {
      const [announced, there] = [this.#seconds(dataBytes), this.#seconds(this.#received)];
      task.warn(`The file is cut off: its header announces ${announced} s, ${there} s are there`);
    } else if (dataBytes !== undefined && this.#received > dataBytes) {
      const more = this.#received - dataBytes;
      task.warn(
        `The header announces ${this.#seconds(dataBytes)} s, but samples go on behind that: ${more} bytes more were read, ${this.#seconds(this.#received)} s in all`,
      );
    }
    if (this.#invalid > 0)
      task.warn(`${this.#invalid} samples were not finite numbers of sensible size and became silence`);
  }

  #seconds(bytes: number): string {
    const { frameBytes, sampleRate } = this.#header.format;
    return (bytes / frameBytes / sampleRate).toFixed(2);
  }

  *#decoded(bytes: Uint8Array): Generator<Float32Array> {
    const { format, isBigEndian, scale } = this.#header;
    const { frameBytes } = format;
    const codec = format.codec!;
    this.#received += bytes.byteLength;
    const joined = this.#partial.byteLength === 0 ? bytes : Buffer.concat([this.#partial, bytes]);
    const whole = joined.byteLength - (joined.byteLength % frameBytes);
    this.#partial = joined.subarray(whole);
    if (whole === 0) return;
    const frames = joined.subarray(0, whole);
    const samples = decodePcm(codec, isBigEndian ? turned(frames, SAMPLE_BYTES[codec]) : frames);
    if (scale !== 1) for (let i = 0; i < samples.length; i++) samples[i]! *= scale;
    this.#invalid += silenceInvalidSamples(samples);
    yield samples;
  }

  async *#announced(bytes: number): AsyncGenerator<Float32Array> {
    for (let left = bytes; left > 0; ) {
      this.#reader.task.check();
      const piece = await this.#reader.readSome(Math.min(left, this.#room));
      if (piece.byteLength === 0) return;
      left -= piece.byteLength;
      yield* this.#decoded(piece);
    }
  }

  /** To the end of the file, or to the chunks that end it. */
  async *#toTheEnd(): AsyncGenerator<Float32Array> {
    const reader = this.#reader;
    for (;;) {
      reader.task.check();
      const at = (await reader.peekSome()).subarray(0, this.#room);
      if (at.byteLength === 0) return;
      const candidate = findKnownChunk(at);
      if (candidate > 0) {
        yield* this.#decoded(await reader.read(candidate));
        continue;
      }
      if (await this.#endsHere()) return;
      yield* this.#decoded(await reader.read(1));
    }
  }

  get #room(): number {
    return this.#blockBytes - this.#partial.byteLength;
  }

  async #endsHere(): Promise<boolean> {
    return (
      isWav(await this.#reader.peek(RIFF_HEAD)) ||
      (await chunksFollow(this.#reader, this.#header.isBigEndian))
    );
  }

  /** What follows the samples that are known of: chunks, nothing, another file – or more samples. */
  async *#behind(): AsyncGenerator<Float32Array> {
    const reader = this.#reader;
    const { dataBytes, format, isBigEndian } = this.#header;
    if (dataBytes !== undefined && dataBytes % 2 === 1 && (await reader.peek(1))[0] === 0)
      await reader.skip(1);
    while (!isWav(await reader.peek(RIFF_HEAD))) {
      reader.task.check();
      if (await chunksFollow(reader, isBigEndian)) {
        const head = await reader.read(CHUNK_HEAD);
        const size = uint32(head, 4, isBigEndian);
        if (fourCC(head, 0) === "data") yield* this.#announced(size);
        else await skipChunk(reader, size, size);
        continue;
      }
      const rest = await reader.peek(PIECE_BYTES);
      if (rest.byteLength < format.frameBytes || (await this.#skipTag(rest))) return;
      if (beginsRecording(rest)) return;
      if (await this.#skipZeros(rest)) return;
      yield* this.#toTheEnd();
    }
  }

  /** Tags of other formats that some programs append. */
  async #skipTag(rest: Uint8Array): Promise<boolean> {
    const text = Buffer.from(rest).toString("latin1", 0, 8);
    const isTag = text === "APETAGEX" || (text.startsWith("TAG") && rest.byteLength === 128);
    if (!isTag && !(await this.#endsWithId3(rest))) return false;
    await this.#reader.skip(Number.POSITIVE_INFINITY);
    return true;
  }

  async #endsWithId3(rest: Uint8Array): Promise<boolean> {
    const size = id3Bytes(rest);
    return size > 0 && (await this.#reader.peek(size + 1)).byteLength <= size;
  }

  /** Zeros to the end of the file are no sound that anybody misses. */
  async #skipZeros(rest: Uint8Array): Promise<boolean> {
    if (rest.byteLength === PIECE_BYTES || rest.some((byte) => byte !== 0)) return false;
    await this.#reader.skip(rest.byteLength);
    this.#reader.task.warn(`${rest.byteLength} zero bytes behind the samples were left out`);
    return true;
  }
}
