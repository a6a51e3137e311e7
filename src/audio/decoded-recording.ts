import {
  type AudioFormat,
  type ChannelSelection,
  type DecodedAudio,
  type OpenAudioOptions,
  SAMPLE_RATE,
} from "../types/audio.js";
import type { ChannelSelector } from "./channel-selector.js";
import { ChannelSurvey } from "./channel-survey.js";
import { createChannelSelector } from "./channels.js";
import type { DecodeTask } from "./decode-task.js";
import { audioTooLong } from "./errors.js";
import type { Frames } from "./frames.js";
import { IntegerScale } from "./integer-scale.js";
import { createResamplers } from "./resample.js";

/** Codecs, by FFmpeg's names, of numbers that somebody wrote as floating point: only those can have the wrong scale. */
const FLOATING_POINT = /^(pcm_f|wavpack$)/;

/** A stretch of a recording with one rate and one number of channels. */
export interface Part {
  /** Rate of `frames`, in Hz. */
  readonly frameRate: number;
  readonly channels: number;
  /** FFmpeg's name of what it is coded as, where that is known. */
  readonly codec: string | undefined;
  readonly frames: Frames;
}

/** What a decoder found out about its input, and the audio it gives. */
export interface Decoding {
  /** What the input is; may still gain details while it is decoded. */
  readonly format: AudioFormat;
  readonly expectedDuration: number | undefined;
  /** One, or those of recordings that were joined; each is to be read before the next is asked for. */
  readonly parts: AsyncIterable<Part>;
}

/** The parts of a decoding that has only one. */
export async function* onePart(part: Part): AsyncGenerator<Part> {
  yield part;
}

/** Frames of any rate and channel count as 16 kHz tracks, within `limits.maxDuration`. */
export class DecodedRecording implements DecodedAudio {
  readonly trackCount: number;
  readonly again?: () => Promise<DecodedAudio>;
  readonly #task: DecodeTask;
  readonly #decoding: Decoding;
  readonly #selection: OpenAudioOptions["channels"];
  #samples = 0;
  #started = false;

  /**
   * @param again opens the same recording anew, where that is possible
   * @throws TranscriptionError INVALID_ARGUMENT when the chosen channel does not exist
   */
  constructor(
    task: DecodeTask,
    decoding: Decoding,
    channels: OpenAudioOptions["channels"],
    again: (() => Promise<DecodedAudio>) | undefined,
  ) {
    if (again) this.again = again;
    this.#task = task;
    this.#decoding = decoding;
    this.#selection = channels;
    this.trackCount = createChannelSelector(channels, decoding.format.channels, 1).trackCount;
  }

  get format(): AudioFormat {
    return this.#decoding.format;
  }

  get expectedDuration(): number | undefined {
    return this.#decoding.expectedDuration;
  }

  get duration(): number {
    return this.#samples / SAMPLE_RATE;
  }

  get warnings(): readonly string[] {
    return this.#task.warnings;
  }

  /**
   * Read once; the decoder ends with the last block, an error, or an early `return`.
   * @throws TranscriptionError DECODE_FAILED, UNSUPPORTED_FORMAT, AUDIO_TOO_LARGE, AUDIO_TOO_LONG, CANCELLED
   */
  async *blocks(): AsyncGenerator<Float32Array[], void, undefined> {
    if (this.#started) throw new TypeError("blocks() was called twice, but a recording is read once");
    this.#started = true;
    try {
      this.#task.check();
      for await (const part of this.#decoding.parts) yield* this.#tracks(part);
    } finally {
      await this.close();
    }
  }

  close(): Promise<void> {
    return this.#task.close();
  }

  async *#tracks(part: Part): AsyncGenerator<Float32Array[], void, undefined> {
    const { frames, frameRate, channels, codec } = part;
    const { maxDuration } = this.#task.limits;
    const resamplers = await createResamplers(frameRate, this.trackCount);
    const selector = this.#selector(part);
    const survey = new ChannelSurvey(channels, frameRate);
    const scale = FLOATING_POINT.test(codec ?? "") ? new IntegerScale(channels, frameRate) : undefined;
    const start = this.duration;
    let received = 0;
    const resampled = (tracks: Float32Array[]) =>
      this.#counted(tracks.map((samples, track) => resamplers[track]!.process(samples)));
    const selected = (interleaved: Float32Array) => {
      survey.add(interleaved);
      return resampled(selector.select(interleaved));
    };
    for await (const interleaved of frames) {
      received += interleaved.length / channels;
      if (start + received / frameRate > maxDuration) throw audioTooLong(this.#task.name, maxDuration);
      for (const block of scale?.push(interleaved) ?? [interleaved]) yield* selected(block);
    }
    for (const block of scale?.flush() ?? []) yield* selected(block);
    yield* resampled(selector.flush());
    yield* this.#counted(resamplers.map((resampler) => resampler.flush()));
    this.#task.warn(
      ...(scale?.warnings() ?? []),
      ...selector.warnings(),
      ...(await survey.warnings(this.#heard)),
    );
  }

  /** What the selection comes to. */
  get #heard(): ChannelSelection {
    if (this.#selection !== "parties") return this.#selection;
    return this.trackCount > 1 ? "each" : "mix";
  }

  /** A part that was joined on may have other channels than the first. */
  #selector({ channels, frameRate }: Part): ChannelSelector {
    const selection = this.#selection;
    if (typeof selection === "number" && selection >= channels) {
      this.#task.warn(
        `A recording that was joined on has only ${channels} channels: all of them were mixed in place of channel ${selection}`,
      );
      return createChannelSelector("mix", channels, frameRate);
    }
    return createChannelSelector(selection, channels, frameRate, this.trackCount);
  }

  *#counted(tracks: Float32Array[]): Generator<Float32Array[]> {
    const length = tracks[0]!.length;
    if (length === 0) return;
    this.#samples += length;
    yield tracks;
  }
}
