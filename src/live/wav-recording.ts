import { type FileHandle, open } from "node:fs/promises";
import { turned } from "../audio/byte-order.js";
import { TranscriptionError } from "../errors.js";
import type { LiveEncoding } from "../types/live.js";
import { frameBytes } from "./sample-reader.js";

/** Tags of WAV's formats. */
const TAGS: Readonly<Record<LiveEncoding, number>> = {
  s16le: 1,
  s16be: 1,
  u8: 1,
  f32le: 3,
  alaw: 6,
  mulaw: 7,
};
const HEADER_BYTES = 44;
/** What a header says while it is not known how much follows, and where it is more than 32 bits count. */
const UNKNOWN_SIZE = 0xffff_ffff;

/** What is written to a live stream, kept as a WAV file that can be read at any time, also after a crash. */
export class WavRecording {
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #encoding: LiveEncoding;
  readonly #frameBytes: number;
  /** Of a frame that has not come whole. */
  #rest = new Uint8Array(0);
  #bytes = 0;

  private constructor(file: FileHandle, path: string, encoding: LiveEncoding, channels: number) {
    this.#file = file;
    this.#path = path;
    this.#encoding = encoding;
    this.#frameBytes = frameBytes(encoding, channels);
  }

  /** Begins a file, in place of one that is there. @throws TranscriptionError STORAGE_FAILED */
  static async create(
    path: string,
    { encoding, sampleRate, channels }: { encoding: LiveEncoding; sampleRate: number; channels: number },
  ): Promise<WavRecording> {
    return onStorage(path, async () => {
      const file = await open(path, "w");
      const recording = new WavRecording(file, path, encoding, channels);
      const header = Buffer.alloc(HEADER_BYTES);
      const size = recording.#frameBytes;
      header.write("RIFF", 0, "latin1");
      header.writeUInt32LE(UNKNOWN_SIZE, 4);
      header.write("WAVEfmt ", 8, "latin1");
      header.writeUInt32LE(16, 16);
      header.writeUInt16LE(TAGS[encoding], 20);
      header.writeUInt16LE(channels, 22);
      header.writeUInt32LE(sampleRate, 24);
      header.writeUInt32LE(sampleRate * size, 28);
      header.writeUInt16LE(size, 32);
      header.writeUInt16LE((size / channels) * 8, 34);
      header.write("data", 36, "latin1");
      header.writeUInt32LE(UNKNOWN_SIZE, 40);
      await file.write(header);
      return recording;
    });
  }

  /** Adds bytes, cut anywhere. @throws TranscriptionError STORAGE_FAILED */
  async write(bytes: Uint8Array): Promise<void> {
    const all = Buffer.concat([this.#rest, bytes]);
    const whole = all.length - (all.length % this.#frameBytes);
    this.#rest = Uint8Array.from(all.subarray(whole));
    const samples = all.subarray(0, whole);
    this.#bytes += whole;
    await onStorage(this.#path, () =>
      this.#file.write(this.#encoding === "s16be" ? turned(samples, 2) : samples),
    );
  }

  /** Says in the header how much there is, and closes the file. @throws TranscriptionError STORAGE_FAILED */
  async close(): Promise<void> {
    await onStorage(this.#path, async () => {
      try {
        if (this.#bytes % 2 === 1) await this.#file.write(Uint8Array.of(0));
        const size = (bytes: number): Buffer => {
          const number = Buffer.alloc(4);
          number.writeUInt32LE(Math.min(bytes, UNKNOWN_SIZE));
          return number;
        };
        await this.#file.write(size(HEADER_BYTES - 8 + this.#bytes + (this.#bytes % 2)), 0, 4, 4);
        await this.#file.write(size(this.#bytes), 0, 4, 40);
      } finally {
        await this.#file.close();
      }
    });
  }
}

async function onStorage<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new TranscriptionError("STORAGE_FAILED", `Cannot write ${path}: ${(cause as Error).message}`, {
      cause,
    });
  }
}
