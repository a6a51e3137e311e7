import { SampleBatches } from "../audio/sample-batches.js";
import { SAMPLE_RATE } from "../types/audio.js";
import type { VadSession } from "../types/engine.js";
import type { VadOptions } from "../types/options.js";
import { DIGITAL_SILENCE, framePower, RecordingLevel } from "./recording-level.js";
import { FRAME_SAMPLES } from "./speech-regions.js";

/** Frames that the level of a recording rests on, 2 s: a click or a slammed door does not make it. */
const LEVEL_FRAMES = Math.round((2 * SAMPLE_RATE) / FRAME_SAMPLES);

/**
 * Of a recording's own level, the power below which its silence begins: -60 dB. A person far from the microphone lies 30 to 40 dB
 * below one who is near, the soft sounds of speech 10 to 15 dB below its level.
 */
const BELOW_LEVEL = 1e-6;

/** Frames before one whose quietest tell what it is quiet beside, 3 s, and which of those: the lower tenth. */
const SURROUNDINGS = Math.round((3 * SAMPLE_RATE) / FRAME_SAMPLES);
const QUIET_PLACE = Math.floor(SURROUNDINGS / 10);
/** Power ratio to those from which a frame may be speech: 10 dB. Steady noise stays within that, syllables do not. */
const ABOVE_SURROUNDINGS = 10;

/**
 * How the gate's frames become regions. It only has to leave out stretches that hold nothing at all, so that no
 * text is invented for them; everything that might be speech stays, with half a second around it for soft
 * beginnings and ends. Bursts of up to 0.1 s, shorter than any word, are clicks.
 */
export const SILENCE_GATE_OPTIONS: Required<VadOptions> = {
  threshold: 0.5,
  negThreshold: 0.5,
  minSpeechDuration: 0.1,
  minSilenceDuration: 3,
  speechPad: 0.5,
  maxSpeechDuration: Number.POSITIVE_INFINITY,
};

/** Seconds of silence at the ends of a track that stay, beyond the half second around sound. */
export const SILENCE_GATE_EDGE = 0.5;

/** Frames of a stretch of silence that is left out, less those on either side of it that stay. */
const SHORTEST_SILENCE = (SILENCE_GATE_OPTIONS.minSilenceDuration * SAMPLE_RATE) / FRAME_SAMPLES;
const PADDED = (2 * SILENCE_GATE_OPTIONS.speechPad * SAMPLE_RATE) / FRAME_SAMPLES;

/**
 * Stands in for a VAD model: 1 for every frame with sound in it, 0 for silence. Silence is what lies far below the level
 * that the recording has had so far, so that a quiet recording keeps what a loud one keeps, and does not rise above what
 * is around it: a party that is hardly to be heard beside the other still speaks in syllables. A constant offset is no
 * sound.
 */
export class SilenceGate implements VadSession {
  readonly #level = new RecordingLevel(LEVEL_FRAMES);
  /** Powers of the last frames, in turn; as silent before the first. */
  readonly #around = new Float64Array(SURROUNDINGS);
  #frames = 0;
  readonly #batches = new SampleBatches(FRAME_SAMPLES);
  /** Frames of the silence under way, and those among them that are not digital silence. */
  #silent = 0;
  #faint = 0;
  #skipped = 0;

  /**
   * Seconds that were taken for silence in stretches long enough to be left out, though something faint is in them;
   * digital silence, in which nothing can be lost, does not count.
   */
  get skippedSound(): number {
    return ((this.#skipped + this.#skippable()) * FRAME_SAMPLES) / SAMPLE_RATE;
  }

  async push(samples: Float32Array): Promise<Float32Array> {
    return Float32Array.from(this.#batches.push(samples), (frame) => this.#probability(frame));
  }

  async flush(): Promise<Float32Array> {
    const rest = this.#batches.rest();
    return rest.length === 0 ? rest : Float32Array.of(this.#probability(rest));
  }

  close(): void {}

  #probability(frame: Float32Array): 0 | 1 {
    const power = framePower(frame);
    this.#level.add(power);
    const isFaint = power > DIGITAL_SILENCE;
    const isSound =
      isFaint &&
      (power >= this.#level.power * BELOW_LEVEL || power >= ABOVE_SURROUNDINGS * this.#surroundings);
    this.#around[this.#frames++ % SURROUNDINGS] = power;
    if (isSound) {
      this.#skipped += this.#skippable();
      this.#silent = 0;
      this.#faint = 0;
      return 1;
    }
    this.#silent += 1;
    if (isFaint) this.#faint += 1;
    return 0;
  }

  /** Power of what is quiet around here. */
  get #surroundings(): number {
    return Math.max(this.#around.toSorted()[QUIET_PLACE]!, DIGITAL_SILENCE);
  }

  #skippable(): number {
    return this.#silent < SHORTEST_SILENCE ? 0 : Math.min(this.#faint, this.#silent - PADDED);
  }
}
