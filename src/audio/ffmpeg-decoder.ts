import { type ChildProcess, spawn } from "node:child_process";
import type { FileHandle } from "node:fs/promises";
import { TranscriptionError } from "../errors.js";
import { ByteReader } from "./byte-reader.js";
import type { DecodeTask } from "./decode-task.js";
import type { Decoding } from "./decoded-recording.js";
import { audioTooLong, decodeFailed, unsupportedFormat } from "./errors.js";
import { ffmpegEnvironment, findFfmpeg } from "./ffmpeg.js";
import { ffmpegArguments } from "./ffmpeg-arguments.js";
import { FfmpegLog } from "./ffmpeg-log.js";
import { type Frames, wavFrames } from "./frames.js";
import type { Container } from "./sniff.js";
import { type AudioFormat, SAMPLE_RATE } from "./types.js";
import { readWavHeader, type WavHeader } from "./wav-header.js";

/** Bits per second below which no announced duration is believed: no speech codec goes there. */
const LOWEST_BITRATE = 500;

interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/**
 * Decodes `file` with FFmpeg in a child process. It writes into a pipe, which holds it back while nobody reads; it is
 * killed when the task ends.
 * @throws TranscriptionError UNSUPPORTED_FORMAT, DECODE_FAILED, INVALID_ARGUMENT (no working FFmpeg)
 */
export async function openWithFfmpeg(
  file: FileHandle,
  container: Container,
  task: DecodeTask,
): Promise<Decoding> {
  const { size } = await task.wait(file.stat());
  const ffmpeg = await task.wait(findFfmpeg());
  task.check();
  const child = spawn(ffmpeg.path, ffmpegArguments(ffmpeg, container, task.limits.maxDuration), {
    // The open file itself, so no name of the caller's reaches FFmpeg; a group of its own, so that Ctrl-C is ours.
    stdio: ["ignore", "pipe", "pipe", file.fd],
    env: ffmpegEnvironment(),
    cwd: "/",
    detached: true,
  });
  const decoder = new FfmpegDecoder(child, container, size, task);
  await decoder.open();
  return decoder;
}

class FfmpegDecoder implements Decoding {
  readonly frameRate = SAMPLE_RATE;
  readonly #log = new FfmpegLog();
  readonly #exit: Promise<Exit>;
  readonly #reader: ByteReader;
  #header: WavHeader | undefined;

  constructor(
    child: ChildProcess,
    readonly container: Container,
    readonly fileBytes: number,
    readonly task: DecodeTask,
  ) {
    this.#exit = new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => resolve({ code, signal }));
    });
    this.#exit.catch(() => {});
    const { stdout, stderr } = child;
    // Node.js leaves them out when it cannot open pipes at all.
    if (!stdout || !stderr) throw decodeFailed(task.name, "FFmpeg could not be run: too many open files");
    const chunks = stdout[Symbol.asyncIterator]();
    stderr.setEncoding("utf8").on("data", (text: string) => this.#log.push(text));
    this.#reader = new ByteReader(
      { size: undefined, next: async () => (await chunks.next()).value as Uint8Array | undefined },
      task,
    );
    task.onEnd(async () => {
      child.kill("SIGKILL");
      stdout.destroy();
      await this.#exit.catch(() => {});
    });
  }

  get format(): AudioFormat {
    const { codec, sampleRate } = this.#log;
    return {
      container: this.container.name,
      ...(codec !== undefined && { codec }),
      ...(sampleRate !== undefined && { sampleRate }),
      channels: this.#header!.format.channels,
    };
  }

  get expectedDuration(): number | undefined {
    const { announcedDuration } = this.#log;
    if (!announcedDuration || (this.fileBytes * 8) / announcedDuration < LOWEST_BITRATE) return undefined;
    return announcedDuration;
  }

  get frames(): Frames {
    return this.#frames();
  }

  /** Waits for the first of FFmpeg's output, which tells the number of channels. */
  async open(): Promise<void> {
    const head = await this.#reader.peek(1);
    if (head.byteLength === 0) {
      await this.#finish(0);
      throw decodeFailed(this.task.name, "FFmpeg gave no audio");
    }
    this.#header = await readWavHeader(this.#reader);
  }

  async *#frames(): AsyncGenerator<Float32Array> {
    const { maxDuration } = this.task.limits;
    let samples = 0;
    for await (const block of wavFrames(this.#reader, this.#header!)) {
      const expected = this.expectedDuration;
      if (expected !== undefined && expected > maxDuration)
        throw audioTooLong(this.task.name, maxDuration, expected);
      samples += block.length;
      yield block;
    }
    await this.#finish(samples);
  }

  /** After FFmpeg's output has ended: was that all, and was it well? */
  async #finish(samples: number): Promise<void> {
    const { task } = this;
    const { code, signal } = await task.wait(this.#exit).catch((error) => {
      if (error instanceof TranscriptionError) throw error;
      throw decodeFailed(task.name, `FFmpeg could not be run: ${(error as Error).message}`, error);
    });
    if (this.#log.hasError(/matches no streams/))
      throw unsupportedFormat(task.name, "there is no audio in it");
    if (this.#log.hasError(/decoder .*not found|no decoder|unknown decoder/i)) {
      throw unsupportedFormat(task.name, `FFmpeg has no decoder for it (${this.#log.lastError})`);
    }
    if (signal) throw decodeFailed(task.name, `FFmpeg was ended by ${signal}`);
    const reason = this.#log.lastError;
    if (code !== 0) throw decodeFailed(task.name, reason ?? `FFmpeg ended with exit code ${code}`);
    if (samples === 0 && reason) throw decodeFailed(task.name, reason);
    if (this.#log.audioStreams > 1) {
      task.warnings.push(`There are ${this.#log.audioStreams} audio streams; the first was decoded`);
    }
    task.warnings.push(...this.#log.warnings());
  }
}
