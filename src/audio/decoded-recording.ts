import { type ChannelSelector, createChannelSelector } from "./channels.js";
import type { DecodeTask } from "./decode-task.js";
import { audioTooLong } from "./errors.js";
import type { Frames } from "./frames.js";
import { createResamplers, type TrackResampler } from "./resample.js";
import { type AudioFormat, type ChannelSelection, type DecodedAudio, SAMPLE_RATE } from "./types.js";

/** What a decoder found out about its input, and the frames it gives. */
export interface Decoding {
  /** What the input is; may still gain details while it is decoded. */
  readonly format: AudioFormat;
  readonly expectedDuration: number | undefined;
  /** Rate of `frames`, in Hz. */
  readonly frameRate: number;
  readonly frames: Frames;
}

/** Frames of any rate and channel count as 16 kHz tracks, within `limits.maxDuration`. */
export class DecodedRecording implements DecodedAudio {
  readonly #task: DecodeTask;
  readonly #decoding: Decoding;
  readonly #selector: ChannelSelector;
  #samples = 0;
  #started = false;

  /** @throws TranscriptionError INVALID_ARGUMENT when the chosen channel does not exist */
  constructor(task: DecodeTask, decoding: Decoding, channels: ChannelSelection) {
    this.#task = task;
    this.#decoding = decoding;
    this.#selector = createChannelSelector(channels, decoding.format.channels);
  }

  get format(): AudioFormat {
    return this.#decoding.format;
  }

  get expectedDuration(): number | undefined {
    return this.#decoding.expectedDuration;
  }

  get trackCount(): number {
    return this.#selector.trackCount;
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
      yield* this.#tracks(await createResamplers(this.#decoding.frameRate, this.trackCount));
    } finally {
      await this.close();
    }
  }

  close(): Promise<void> {
    return this.#task.close();
  }

  async *#tracks(resamplers: TrackResampler[]): AsyncGenerator<Float32Array[], void, undefined> {
    const { frames, frameRate, format } = this.#decoding;
    const { maxDuration } = this.#task.limits;
    let received = 0;
    for await (const interleaved of frames) {
      received += interleaved.length / format.channels;
      if (received / frameRate > maxDuration) throw audioTooLong(this.#task.name, maxDuration);
      const tracks = this.#selector.select(interleaved);
      yield* this.#counted(tracks.map((samples, track) => resamplers[track]!.process(samples)));
    }
    yield* this.#counted(resamplers.map((resampler) => resampler.flush()));
  }

  *#counted(tracks: Float32Array[]): Generator<Float32Array[]> {
    const length = tracks[0]!.length;
    if (length === 0) return;
    this.#samples += length;
    yield tracks;
  }
}
