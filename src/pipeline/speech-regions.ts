import { SAMPLE_RATE } from "../types/audio.js";
import type { VadOptions } from "../types/options.js";

/** Samples that one speech probability stands for: 32 ms. */
export const FRAME_SAMPLES = 512;

/** Shorter silence is no place to part speech at: 98 ms. */
const CUT_SILENCE = 1568;

/** A stretch of speech, in samples from the start of the track; `end` is exclusive. */
export interface Region {
  start: number;
  end: number;
}

/**
 * Speech regions from frame probabilities, as they arrive: the rules of Silero's `get_speech_timestamps`
 * (github.com/snakers4/silero-vad, src/silero_vad/utils_vad.py), made streaming.
 *
 * Speech starts at a frame at or above `threshold`. It ends at the first frame below `negThreshold` after which
 * no frame reaches `threshold` for `minSilenceDuration`. Speech of at most `minSpeechDuration` is dropped. What
 * remains is padded on both sides; neighbours too close for two pads share the gap between them. Speech longer than
 * `maxSpeechDuration`, less its pads and a frame, ends where its last silence above 98 ms began, or without one at once.
 *
 * Two things differ, both where the original's answer depends on what it cannot know while audio still arrives: a
 * pause counts as over only when a frame reaches `threshold`, so frames between the two thresholds cannot keep an
 * ended region open for ever; and speech that was already ending when the track ends, ends there. A third: the frame
 * at which speech without a silence is parted belongs to what follows.
 */
export class SpeechRegions {
  readonly #threshold: number;
  readonly #negThreshold: number;
  readonly #minSpeech: number;
  readonly #minSilence: number;
  readonly #pad: number;
  readonly #edge: number;
  /** Longest speech without its pads. */
  readonly #maxSpeech: number;

  /** Samples classified so far. */
  #position = 0;
  /** Where speech under way began. */
  #speechStart: number | undefined;
  /** Where speech under way may have ended. */
  #silenceStart: number | undefined;
  /** Last silence above 98 ms in speech under way, and the speech after it. */
  #cut: { end: number; next: number | undefined } | undefined;
  /** An ended region whose end is not padded yet, because what follows may be too close. */
  #ended: Region | undefined;
  /** End of the last region that was handed out, padded. */
  #lastEnd = 0;

  /** @param edge seconds between a region and an end of the track below which the region reaches to that end */
  constructor(options: Required<VadOptions>, edge = 0) {
    this.#threshold = options.threshold;
    this.#negThreshold = options.negThreshold;
    this.#minSpeech = toSamples(options.minSpeechDuration);
    this.#minSilence = toSamples(options.minSilenceDuration);
    this.#pad = toSamples(options.speechPad);
    this.#edge = toSamples(edge);
    this.#maxSpeech = toSamples(options.maxSpeechDuration) - FRAME_SAMPLES - 2 * this.#pad;
  }

  /** The region under way, once it is long enough to be kept; `end` is as far as it is known to reach, unpadded. */
  get open(): Region | undefined {
    if (this.#speechStart === undefined || !this.#isKept(this.#speechStart, this.#reach)) return undefined;
    return { start: this.#padStart(this.#speechStart), end: this.#reach };
  }

  /** No region that is still to come starts before this sample. */
  get horizon(): number {
    return this.#ended?.start ?? this.#padStart(this.#speechStart ?? this.#position);
  }

  /** Takes the probabilities of the next frames and returns the regions that are final now, in order. */
  push(probabilities: Float32Array): Region[] {
    const regions: Region[] = [];
    for (const probability of probabilities) {
      this.#part(probability, regions);
      this.#classify(probability);
      this.#settle(regions);
    }
    return regions;
  }

  /** Ends the track after `length` samples and returns the last regions. */
  flush(length: number): Region[] {
    const regions: Region[] = [];
    if (this.#speechStart !== undefined) {
      this.#endSpeech(this.#speechStart, Math.min(this.#reach, length));
    }
    if (this.#ended) this.#release(this.#ended, this.#pad, regions);
    for (const region of regions) region.end = region.end + this.#edge > length ? length : region.end;
    return regions;
  }

  get #reach(): number {
    return this.#silenceStart ?? this.#position;
  }

  #classify(probability: number): void {
    const start = this.#position;
    this.#position += FRAME_SAMPLES;
    if (probability >= this.#threshold) {
      this.#speechStart ??= start;
      this.#silenceStart = undefined;
      if (this.#cut) this.#cut.next ??= start;
    } else if (probability < this.#negThreshold && this.#speechStart !== undefined) {
      this.#silenceStart ??= start;
      if (start - this.#silenceStart > CUT_SILENCE) this.#cut = { end: this.#silenceStart, next: undefined };
    }
  }

  /** Parts speech that the next frame would make too long. */
  #part(probability: number, regions: Region[]): void {
    const start = this.#speechStart;
    if (start === undefined || this.#position - start <= this.#maxSpeech) return;
    // Between the silence and what follows it: a silence under way is not followed by speech yet.
    const isSpeech = probability >= this.#threshold;
    const end = this.#cut?.end ?? this.#reach;
    const next = this.#cut ? this.#cut.next : isSpeech ? this.#position : undefined;
    if (this.#ended) this.#release(this.#ended, (start - this.#ended.end) / 2, regions);
    this.#ended = { start: this.#padStart(start), end };
    this.#speechStart = next;
    if (next === undefined || isSpeech) this.#silenceStart = undefined;
    this.#cut = undefined;
  }

  #settle(regions: Region[]): void {
    const frame = this.#position - FRAME_SAMPLES;
    if (this.#speechStart === undefined) {
      this.#silenceStart = undefined;
    } else if (this.#silenceStart !== undefined && frame - this.#silenceStart >= this.#minSilence) {
      this.#endSpeech(this.#speechStart, this.#silenceStart);
    }
    const ended = this.#ended;
    if (!ended) return;
    const gap = (this.#speechStart ?? this.#position) - ended.end;
    if (gap >= 2 * this.#pad || this.open) this.#release(ended, gap / 2, regions);
  }

  /** Speech that is kept was open before, so the region before it has been released: there is room in `#ended`. */
  #endSpeech(start: number, end: number): void {
    this.#speechStart = undefined;
    this.#silenceStart = undefined;
    this.#cut = undefined;
    if (this.#isKept(start, end)) this.#ended = { start: this.#padStart(start), end };
  }

  #release(region: Region, room: number, regions: Region[]): void {
    this.#ended = undefined;
    this.#lastEnd = region.end + Math.min(this.#pad, Math.floor(room));
    regions.push({ start: region.start, end: this.#lastEnd });
  }

  #padStart(start: number): number {
    const padded = Math.max(this.#lastEnd, start - this.#pad);
    return this.#lastEnd === 0 && padded < this.#edge ? 0 : padded;
  }

  #isKept(start: number, end: number): boolean {
    return end - start > this.#minSpeech;
  }
}

function toSamples(seconds: number): number {
  return Math.round(seconds * SAMPLE_RATE);
}
