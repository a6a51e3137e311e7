import { type ChildProcess, spawn } from "node:child_process";
import type { FileHandle } from "node:fs/promises";
import { TranscriptionError } from "../errors.js";
import { SAMPLE_RATE } from "../types/audio.js";
import { ByteReader } from "./byte-reader.js";
import type { Container } from "./containers.js";
import type { DecodeTask } from "./decode-task.js";
import { decodeFailed, decoderUnavailable, noSuchTrack, unsupportedFormat } from "./errors.js";
import { ffmpegEnvironment, findFfmpeg } from "./ffmpeg.js";
import { ffmpegArguments } from "./ffmpeg-arguments.js";
import { type AudioStream, FfmpegLog } from "./ffmpeg-log.js";
import { MatroskaReader, type TimedBlock } from "./matroska-reader.js";

/** Largest sample of what passes for silence: -80 dBFS, which leaves room for what lossy codecs make of zeros. */
const SILENT = 1e-4;

/** What Matroska begins with: EBML's first element. */
const MATROSKA = Buffer.from([0x1a, 0x45, 0xdf, 0xa3]);

/** FFmpeg's words for an input that it cannot open; ours is an open file, so it is not the recording's fault. */
const INPUT_UNSEEN =
  /input: (No such file or directory|Permission denied|Operation not permitted|Bad file descriptor|No such device or address)/;

interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/**
 * FFmpeg in a child process, decoding one audio stream of a file. It writes into a pipe, which holds it back while
 * nobody reads; it is killed when the task ends.
 */
export class FfmpegRun {
  readonly #log = new FfmpegLog();
  readonly #child: ChildProcess;
  readonly #exit: Promise<Exit>;
  readonly #bytes: ByteReader;
  readonly #output: MatroskaReader;
  readonly #blocks: AsyncGenerator<TimedBlock>;
  /** Read by {@link hasSound}, before the first sound. */
  #silence: { time: number; frames: number } | undefined;
  #firstSound: TimedBlock | undefined;
  #given = 0;

  /**
   * @param track which of the audio streams, from 0
   * @throws TranscriptionError UNSUPPORTED_FORMAT, DECODE_FAILED, DECODER_UNAVAILABLE
   */
  static async start(
    file: FileHandle,
    container: Container,
    track: number,
    task: DecodeTask,
  ): Promise<FfmpegRun> {
    const ffmpeg = await task.wait(findFfmpeg());
    task.check();
    const child = spawn(ffmpeg.path, ffmpegArguments(ffmpeg, container, track), {
      // The open file itself, so no name of the caller's reaches FFmpeg; a group of its own, so that Ctrl-C is ours.
      stdio: ["ignore", "pipe", "pipe", file.fd],
      env: ffmpegEnvironment(),
      cwd: "/",
      detached: true,
    });
    return new FfmpegRun(child, ffmpeg.path, track, task);
  }

  private constructor(
    child: ChildProcess,
    readonly program: string,
    readonly track: number,
    readonly task: DecodeTask,
  ) {
    this.#child = child;
    this.#exit = new Promise((resolve, reject) => {
      child.once("error", (error) => {
        this.#log.end();
        reject(error);
      });
      child.once("close", (code, signal) => {
        this.#log.end();
        resolve({ code, signal });
      });
    });
    this.#exit.catch(() => {});
    const { stdout, stderr } = child;
    // Node.js leaves them out when it cannot open pipes at all.
    if (!stdout || !stderr) throw decoderUnavailable(program, "too many open files");
    const chunks = stdout[Symbol.asyncIterator]();
    stderr.setEncoding("utf8").on("data", (text: string) => this.#log.push(text));
    const bytes = {
      size: undefined,
      next: async () => (await chunks.next()).value as Uint8Array | undefined,
    };
    this.#bytes = new ByteReader(bytes, task);
    this.#output = new MatroskaReader(this.#bytes);
    this.#blocks = this.#output.blocks();
    task.onEnd(() => this.close());
  }

  /** Audio streams of the input, in its order. */
  get streams(): readonly AudioStream[] {
    return this.#log.streams;
  }

  get hasVideo(): boolean {
    return this.#log.hasVideo;
  }

  get channels(): number {
    return this.#output.channels;
  }

  /** Seconds that the container announces, where it knows. */
  get announcedDuration(): number | undefined {
    return this.#log.announcedDuration;
  }

  /** Time of the input's beginning, in seconds of its own clock. */
  get start(): number {
    return this.#log.start;
  }

  /** Seconds that the bytes come to at their bit rate, where the container announces nothing. */
  get guessedDuration(): number | undefined {
    return this.#log.guessedDuration;
  }

  /** Ends FFmpeg. */
  async close(): Promise<void> {
    this.#child.kill("SIGKILL");
    this.#child.stdout?.destroy();
    await this.#exit.catch(() => {});
  }

  /** Reads on to the first sound; false when there is none to the end, after which there is nothing left to read. */
  async hasSound(): Promise<boolean> {
    for (;;) {
      const { value: block, done } = await this.#blocks.next();
      if (done) break;
      if (block.samples.some((sample) => Math.abs(sample) > SILENT)) {
        this.#firstSound = block;
        return true;
      }
      this.#silence ??= { time: block.time, frames: 0 };
      this.#silence.frames += block.samples.length / this.channels;
    }
    await this.#finish();
    return false;
  }

  /**
   * The decoded audio with its times.
   * @throws TranscriptionError DECODE_FAILED, UNSUPPORTED_FORMAT
   */
  async *blocks(): AsyncGenerator<TimedBlock> {
    const { startCorrection } = this.#log;
    for await (const { time, samples } of this.#allBlocks()) yield { time: time + startCorrection, samples };
  }

  async *#allBlocks(): AsyncGenerator<TimedBlock> {
    if (this.#silence) yield* this.#skippedSilence(this.#silence);
    if (this.#firstSound) yield this.#firstSound;
    for await (const block of this.#blocks) {
      this.#given++;
      yield block;
    }
    await this.#finish();
  }

  *#skippedSilence({ time, frames }: { time: number; frames: number }): Generator<TimedBlock> {
    for (let done = 0; done < frames; done += SAMPLE_RATE) {
      const length = Math.min(SAMPLE_RATE, frames - done);
      yield { time: time + done / SAMPLE_RATE, samples: new Float32Array(length * this.channels) };
    }
  }

  /** Whether packets could not be decoded. */
  get hasLost(): boolean {
    return this.#log.hasError(/^Error while decoding|Error submitting packet/);
  }

  /** What went wrong while decoding, at the end. */
  warnings(): string[] {
    const { invalid } = this.#output;
    const warnings = this.#log.warnings();
    if (invalid > 0)
      warnings.push(`${invalid} samples were not finite numbers of sensible size and became silence`);
    return warnings;
  }

  /**
   * Waits for the first output, which tells the number of channels.
   * @throws TranscriptionError UNSUPPORTED_FORMAT, DECODE_FAILED, INVALID_ARGUMENT (no such track); `streams` are
   *   known even then
   */
  async open(): Promise<void> {
    const { task } = this;
    const beginning = await this.#bytes.peek(MATROSKA.length);
    if (beginning.byteLength > 0 && !MATROSKA.equals(beginning)) {
      throw decoderUnavailable(this.program, "it writes other things than the audio that it was asked for");
    }
    if (!(await this.#output.open())) {
      await this.#finish();
      throw decodeFailed(task.name, "FFmpeg gave no audio");
    }
    await task.wait(this.#log.inputKnown);
  }

  /** After FFmpeg's output has ended: was that all, and was it well? */
  async #finish(): Promise<void> {
    const { task } = this;
    const { code, signal } = await task.wait(this.#exit).catch((error) => {
      if (error instanceof TranscriptionError) throw error;
      throw decoderUnavailable(this.program, (error as Error).message, error);
    });
    if (this.#log.hasError(INPUT_UNSEEN)) {
      throw decoderUnavailable(
        this.program,
        `it does not see the open file that it is given (${this.#log.lastError}), as in a sandbox or without /proc`,
      );
    }
    if (this.#log.hasError(/matches no streams/)) {
      const count = this.streams.length;
      if (count === 0) throw unsupportedFormat(task.name, "there is no audio in it");
      throw noSuchTrack(this.track, count);
    }
    if (this.#log.hasError(/decoder .*not found|no decoder|unknown decoder/i)) {
      throw unsupportedFormat(task.name, `FFmpeg has no decoder for it (${this.#log.lastError})`);
    }
    // By a sandbox, or by the kernel that is short of memory.
    if (signal === "SIGSYS" || signal === "SIGKILL")
      throw decoderUnavailable(this.program, `${signal} ended it`);
    if (signal) throw decodeFailed(task.name, `FFmpeg was ended by ${signal}`);
    const reason = this.#log.lastError;
    if (code !== 0) throw decodeFailed(task.name, reason ?? `FFmpeg ended with exit code ${code}`);
    if (this.#given === 0 && !this.#silence && !this.#firstSound && reason)
      throw decodeFailed(task.name, reason);
  }
}
