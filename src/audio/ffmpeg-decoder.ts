import type { FileHandle } from "node:fs/promises";
import { TranscriptionError } from "../errors.js";
import { type AudioFormat, SAMPLE_RATE } from "../types/audio.js";
import { openTrack } from "./audio-tracks.js";
import type { Container } from "./containers.js";
import type { DecodeTask } from "./decode-task.js";
import type { Decoding, Part } from "./decoded-recording.js";
import { audioTooLong } from "./errors.js";
import { FfmpegRun } from "./ffmpeg-run.js";
import { isFrameKind } from "./frame-header.js";
import { repairFrames } from "./frame-repair.js";
import { findJoinedRecordings, type JoinedRecording } from "./joined-recordings.js";
import { type ReadAt, readerAt } from "./read-at.js";
import { RecordingClock } from "./recording-clock.js";
import { isBigEndianWav, littleEndianWav } from "./rifx.js";
import { spoolRange, store } from "./spool.js";

/** Bits per second below which no announced duration is believed: no speech codec goes there. */
const LOWEST_BITRATE = 500;

/** Seconds from which on a container's clock does not begin with the recording. */
const LATE_START = 1;

/** Seconds, and the part of the whole, by which an announced duration may differ from what was decoded. */
const SOUND_MAY_DIFFER = { seconds: 0.5, part: 0.01 };
/** With a picture, whose length counts too. */
const VIDEO_MAY_DIFFER = { seconds: 5, part: 0.05 };

/**
 * Decodes `file` with FFmpeg. Recordings that were joined byte by byte in it follow each other.
 * @param track which of several audio tracks, from 0; undefined: the one to hear
 * @throws TranscriptionError UNSUPPORTED_FORMAT, DECODE_FAILED, DECODER_UNAVAILABLE, INVALID_ARGUMENT (no such track)
 */
export async function openWithFfmpeg(
  file: FileHandle,
  container: Container,
  task: DecodeTask,
  track: number | undefined,
): Promise<Decoding> {
  const decoder = new FfmpegDecoder(file, container, task, track);
  await decoder.open();
  return decoder;
}

/** One of the recordings that were joined in a file, being decoded. */
interface Recording {
  run: FfmpegRun;
  container: Container;
  bytes: number;
  /** From 1. */
  number: number;
  /** Closes the copy that it is read from. */
  close(): Promise<void>;
}

class FfmpegDecoder implements Decoding {
  readonly #readAt: ReadAt;
  #joined: JoinedRecording[] = [];
  #first: Recording | undefined;
  /** Seconds of the recordings before the one that is being read. */
  #origin = 0;

  constructor(
    readonly file: FileHandle,
    readonly container: Container,
    readonly task: DecodeTask,
    readonly track: number | undefined,
  ) {
    this.#readAt = readerAt(file, task);
  }

  get format(): AudioFormat {
    const { run } = this.#first!;
    const { codec, sampleRate } = run.streams[run.track] ?? {};
    return {
      container: this.container.name,
      ...(codec !== undefined && { codec }),
      ...(sampleRate !== undefined && { sampleRate }),
      channels: run.channels,
      ...(run.streams.length > 1 && { track: run.track, trackCount: run.streams.length }),
    };
  }

  get expectedDuration(): number | undefined {
    return this.#joined.length === 1 ? believedDuration(this.#first!) : undefined;
  }

  get parts(): AsyncIterable<Part> {
    return this.#parts();
  }

  /** Opens the first recording that can be decoded. */
  async open(): Promise<void> {
    const { size } = await this.task.wait(this.file.stat());
    this.#joined = await findJoinedRecordings(this.container, this.#readAt, size, this.task);
    let reason: unknown;
    for (const index of this.#joined.keys()) {
      try {
        this.#first = await this.#open(index);
        if (reason !== undefined) this.#warn(1, reason);
        return;
      } catch (error) {
        this.#mayGoOn(error);
        reason ??= error;
      }
    }
    throw reason;
  }

  async *#parts(): AsyncGenerator<Part> {
    for (let next: Recording | undefined = this.#first!; next; ) {
      const { number }: Recording = next;
      yield* this.#recording(next);
      next = await this.#after(number);
    }
  }

  async #after(number: number): Promise<Recording | undefined> {
    for (let index = number; index < this.#joined.length; index++) {
      try {
        return await this.#open(index);
      } catch (error) {
        this.#mayGoOn(error);
        this.#warn(index + 1, error);
      }
    }
    return undefined;
  }

  async *#recording(recording: Recording): AsyncGenerator<Part> {
    const { run, container, number } = recording;
    const clock = new RecordingClock(container, run.channels, this.task, this.#origin);
    const { codec } = run.streams[run.track] ?? {};
    yield {
      frameRate: SAMPLE_RATE,
      channels: run.channels,
      codec,
      frames: this.#frames(recording, clock),
    };
    this.task.warn(...clock.warnings(), ...run.warnings());
    const difference = durationDifference(recording, clock.seconds);
    const which = this.#joined.length > 1 ? ` of recording ${number} in the file` : "";
    if (difference) this.task.warn(`The container announces ${difference}${which}`);
    if (container.times === undefined && run.hasLost)
      this.task.warn(`${lostWithoutClock(run, clock.seconds)}${which}`);
    this.#origin += clock.seconds;
    await recording.close();
  }

  async *#frames(recording: Recording, clock: RecordingClock): AsyncGenerator<Float32Array> {
    const { maxDuration } = this.task.limits;
    try {
      for await (const block of clock.frames(recording.run.blocks())) {
        const expected = believedDuration(recording);
        if (expected !== undefined && this.#origin + expected > maxDuration)
          throw audioTooLong(this.task.name, maxDuration, this.#origin + expected);
        yield block;
      }
    } catch (error) {
      this.#mayGoOn(error);
      this.#warn(recording.number, error);
    }
  }

  async #open(index: number): Promise<Recording> {
    const { task } = this;
    const { start, end } = this.#joined[index]!;
    let { container } = this.#joined[index]!;
    const files: FileHandle[] = [];
    let file = this.file;
    const { demuxer } = container;
    if (demuxer === "wav" && (await isBigEndianWav(this.#readAt, start))) {
      const pieces = littleEndianWav(this.#readAt, start, end);
      file = await store(task, async () => (await pieces.next()).value ?? new Uint8Array(0));
      files.push(file);
    } else if (this.#joined.length > 1 || start > 0) {
      file = await spoolRange(this.#readAt, start, end, task);
      files.push(file);
    }
    if (isFrameKind(demuxer)) {
      const original = file;
      ({ file, container } = await repairFrames(file, container, demuxer, readerAt(file, task), task));
      if (file !== original) files.push(file);
    }
    const source = { file, container };
    const close = async () => {
      for (const copy of files) await copy.close();
    };
    try {
      const run = await openTrack(
        (track) => FfmpegRun.start(source.file, source.container, track, task),
        this.track,
        task,
      );
      const closeAll = async () => {
        await run.close();
        await close();
      };
      return { run, container, bytes: end - start, number: index + 1, close: closeAll };
    } catch (error) {
      await close();
      throw error;
    }
  }

  /** A recording among several may be broken; what else goes wrong is thrown. */
  #mayGoOn(error: unknown): void {
    this.task.check();
    const { code } = TranscriptionError.from(error);
    const broken = code === "DECODE_FAILED" || code === "UNSUPPORTED_FORMAT" || code === "INVALID_ARGUMENT";
    if (this.#joined.length === 1 || !broken) throw error;
  }

  #warn(number: number, error: unknown): void {
    const { start, end } = this.#joined[number - 1]!;
    const { message } = TranscriptionError.from(error);
    this.task.warn(
      `Of ${this.#joined.length} recordings that were joined in the file, number ${number} (bytes ${start} to ${end}) could not be decoded: ${message}`,
    );
  }
}

/** Seconds that a container announces, where they are possible. */
function believedDuration({ run, container, bytes }: Recording): number | undefined {
  const { announcedDuration, start } = run;
  if (!announcedDuration || container.clockChanges) return undefined;
  // Where recording of a stream began in its middle, some announce the time of its end.
  if (start >= LATE_START) return undefined;
  return (bytes * 8) / announcedDuration < LOWEST_BITRATE ? undefined : announcedDuration;
}

/** What it means that a part of a recording without a clock could not be decoded. */
function lostWithoutClock({ guessedDuration }: FfmpegRun, decoded: number): string {
  const guess = guessedDuration ? ` (by its bit rate it has about ${guessedDuration.toFixed(1)} s)` : "";
  return (
    `${decoded.toFixed(1)} s of sound could be decoded${guess}: what could not leaves no gap, as the format has no clock, ` +
    "so that times behind it are early by as much"
  );
}

/** “11.0 s, but 5.5 s could be decoded”, where what a container announces is not there. */
function durationDifference({ run, container }: Recording, decoded: number): string | undefined {
  const { announcedDuration, hasVideo, start } = run;
  if (!announcedDuration || container.clockChanges) return undefined;
  const { seconds, part } = hasVideo ? VIDEO_MAY_DIFFER : SOUND_MAY_DIFFER;
  const allowed = Math.max(seconds, part * announcedDuration);
  if (Math.abs(announcedDuration - decoded) <= allowed) return undefined;
  if (start >= LATE_START && Math.abs(announcedDuration - start - decoded) <= allowed) return undefined;
  return `${announcedDuration.toFixed(1)} s, but ${decoded.toFixed(1)} s of sound could be decoded`;
}
