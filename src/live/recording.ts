import { type FileHandle, open } from "node:fs/promises";
import { turned } from "../audio/byte-order.js";
import { TranscriptionError } from "../errors.js";
import type { LiveEncoding, LiveRecordingTarget } from "../types/live.js";
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
/** Bytes that are gathered before they are written: files are written by threads that have other work. */
const GATHERED = 32 * 1024;
/** Bytes that may wait to be written before the stream's writer has to. */
const MOST_WAITING = 4 * 1024 ** 2;

/** What is written to a live stream. */
export interface LiveFormat {
  encoding: LiveEncoding;
  sampleRate: number;
  channels: number;
}

/**
 * What is written to a live stream, kept as a WAV file that can be read at any time, also after a crash. A disk that is
 * full in its course ends the recording, not the stream.
 */
export class StreamRecording {
  readonly #target: LiveRecordingTarget;
  readonly #format: LiveFormat;
  readonly #frameBytes: number;
  readonly #onTrouble: (message: string) => void;
  /** What is to be written next, and how many bytes that is; at its beginning the rest of a frame. */
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
  /** On their way. */
  #waiting = 0;
  /** Of samples that are kept. */
  #bytes = 0;
  #isOver = false;
  #work: Promise<void>;
  #ended: Promise<void> | undefined;
  /** Rejects where the file cannot even be begun. */
  readonly begun: Promise<void>;

  /**
   * Begins a file, in place of one that is there.
   * @param target path of it, or what takes its bytes
   * @param onTrouble told why the recording is not whole, or not kept
   */
  constructor(
    target: string | LiveRecordingTarget,
    format: LiveFormat,
    onTrouble: (message: string) => void,
  ) {
    this.#target = typeof target === "string" ? new FileTarget(target) : target;
    this.#format = format;
    this.#frameBytes = frameBytes(format.encoding, format.channels);
    this.#onTrouble = onTrouble;
    this.begun = this.#target.write(this.#header(), 0);
    this.#work = this.begun.catch(() => {
      this.#isOver = true;
    });
  }

  /** Seconds that are kept. */
  get seconds(): number {
    return this.#bytes / this.#frameBytes / this.#format.sampleRate;
  }

  /** Adds bytes, cut anywhere, which nobody changes any more. Resolves when not too many wait. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#gathered.push(bytes);
    this.#gatheredBytes += bytes.length;
    if (this.#gatheredBytes >= GATHERED) this.#flush();
    if (this.#waiting > MOST_WAITING) await this.#work;
  }

  /** Says in the header how much there is, and closes the file. Again: the same promise. */
  end(): Promise<void> {
    if (this.#ended) return this.#ended;
    this.#flush();
    this.#ended = this.#work.then(async () => {
      const hadBegun = await this.begun.then(
        () => true,
        () => false,
      );
      // Also of one that is not whole: what there is can be heard.
      if (hadBegun) await this.#close().catch((error: unknown) => this.#fail(error));
      await this.#target.close().catch(({ message }: Error) => {
        this.#bytes = 0;
        this.#onTrouble(`The recording is not kept: ${message}`);
      });
    });
    return this.#ended;
  }

  /** Has the frames that are whole written. */
  #flush(): void {
    const all = Buffer.concat(this.#gathered);
    const whole = all.length - (all.length % this.#frameBytes);
    const rest = Uint8Array.from(all.subarray(whole));
    this.#gathered = [rest];
    this.#gatheredBytes = rest.length;
    if (whole === 0) return;
    this.#waiting += whole;
    this.#work = this.#work.then(async () => {
      await this.#append(all.subarray(0, whole));
      this.#waiting -= whole;
    });
  }

  async #append(samples: Uint8Array): Promise<void> {
    if (this.#isOver) return;
    try {
      const ours = this.#format.encoding === "s16be" ? turned(samples, 2) : samples;
      await this.#target.write(ours, HEADER_BYTES + this.#bytes);
      this.#bytes += samples.length;
    } catch (error) {
      this.#fail(error);
    }
  }

  async #close(): Promise<void> {
    const padding = this.#bytes % 2;
    if (padding === 1) await this.#target.write(Uint8Array.of(0), HEADER_BYTES + this.#bytes);
    await this.#target.write(this.#header(this.#bytes), 0);
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onTrouble(
      `The recording is not whole, it ends at ${this.seconds.toFixed(1)} s: ${(error as Error).message}`,
    );
  }

  /** @param bytes of samples; undefined: that is not known yet */
  #header(bytes?: number): Buffer {
    const { channels, encoding, sampleRate } = this.#format;
    const size = this.#frameBytes;
    const told = (number: number): number =>
      bytes === undefined ? UNKNOWN_SIZE : Math.min(number, UNKNOWN_SIZE);
    const known = bytes ?? 0;
    const header = Buffer.alloc(HEADER_BYTES);
    header.write("RIFF", 0, "latin1");
    header.writeUInt32LE(told(HEADER_BYTES - 8 + known + (known % 2)), 4);
    header.write("WAVEfmt ", 8, "latin1");
    header.writeUInt32LE(16, 16);
    header.writeUInt16LE(TAGS[encoding], 20);
    header.writeUInt16LE(channels, 22);
    header.writeUInt32LE(sampleRate, 24);
    header.writeUInt32LE(sampleRate * size, 28);
    header.writeUInt16LE(size, 32);
    header.writeUInt16LE((size / channels) * 8, 34);
    header.write("data", 36, "latin1");
    header.writeUInt32LE(told(known), 40);
    return header;
  }
}

/** A file, opened by the first write. Everything throws STORAGE_FAILED. */
class FileTarget implements LiveRecordingTarget {
  readonly #path: string;
  #file: FileHandle | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    await this.#onStorage(async () => {
      this.#file ??= await open(this.#path, "w");
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, position + done);
        done += bytesWritten;
      }
    });
  }

  async close(): Promise<void> {
    await this.#onStorage(async () => this.#file?.close());
  }

  async #onStorage(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (cause) {
      const message = `Cannot write ${this.#path}: ${(cause as Error).message}`;
      throw new TranscriptionError("STORAGE_FAILED", message, { cause });
    }
  }
}
