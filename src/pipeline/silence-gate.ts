import type { VadSession } from "../engine/types.js";
import type { VadOptions } from "../options.js";
import { FRAME_SAMPLES } from "./speech-regions.js";

/**
 * Root mean square from which a frame is not silence: -60 dBFS, the default of FFmpeg's `silencedetect`.
 * Rooms and telephone lines lie above it, digital silence and dither below.
 */
const SILENCE_RMS = 1e-3;

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
};

/** Stands in for a VAD model: 1 for every frame with sound in it, 0 for silence. A constant offset is not sound. */
export class SilenceGate implements VadSession {
  readonly #frame = new Float32Array(FRAME_SAMPLES);
  #filled = 0;

  async push(samples: Float32Array): Promise<Float32Array> {
    const probabilities = new Float32Array(Math.floor((this.#filled + samples.length) / FRAME_SAMPLES));
    let taken = 0;
    for (let i = 0; i < probabilities.length; i++) {
      const missing = FRAME_SAMPLES - this.#filled;
      this.#frame.set(samples.subarray(taken, taken + missing), this.#filled);
      taken += missing;
      this.#filled = 0;
      probabilities[i] = hasSound(this.#frame) ? 1 : 0;
    }
    this.#frame.set(samples.subarray(taken), this.#filled);
    this.#filled += samples.length - taken;
    return probabilities;
  }

  async flush(): Promise<Float32Array> {
    if (this.#filled === 0) return new Float32Array(0);
    const rest = this.#frame.subarray(0, this.#filled);
    this.#filled = 0;
    return Float32Array.of(hasSound(rest) ? 1 : 0);
  }

  close(): void {}
}

function hasSound(frame: Float32Array): boolean {
  let sum = 0;
  let sumOfSquares = 0;
  for (const sample of frame) {
    sum += sample;
    sumOfSquares += sample * sample;
  }
  const mean = sum / frame.length;
  return sumOfSquares / frame.length - mean * mean >= SILENCE_RMS * SILENCE_RMS;
}
