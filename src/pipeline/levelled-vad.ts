import type { VadModel, VadSession } from "../engine/types.js";
import { DIGITAL_SILENCE, framePower } from "./recording-level.js";
import { FRAME_SAMPLES } from "./speech-regions.js";

/** Level in mean square below which sound is listened to a second time, made louder: -45 dBFS. */
const QUIET = 10 ** -4.5;

/** Level that it is brought to: -30 dBFS. */
const TARGET = 1e-3;

/** How the level falls from frame to frame: 20 dB a second, so that a quiet turn is heard soon after a loud one. */
const DECAY = 10 ** ((-2 * FRAME_SAMPLES) / 16_000);

/**
 * A VAD session that does not miss quiet speech. Networks are trained on speech of usual levels and find less of it where
 * it is far below, be it all of a recording or the party far from the microphone. Frames of quiet stretches go to a
 * second session too, brought to a usual level; the greater probability counts. Everything else is heard as it is: made
 * louder, noisy speech of usual level is found less well.
 */
export class LevelledVad implements VadSession {
  readonly #model: VadModel;
  readonly #session: VadSession;
  /** Hears quiet stretches, once there are any. */
  #second: VadSession | undefined;
  /** Of the loudest frame not long ago, as a mean square. */
  #level = 0;
  #pending = new Float32Array(0);

  constructor(model: VadModel) {
    this.#model = model;
    this.#session = model.createSession();
  }

  async push(samples: Float32Array): Promise<Float32Array> {
    const heard = new Float32Array(this.#pending.length + samples.length);
    heard.set(this.#pending);
    heard.set(samples, this.#pending.length);
    const whole = heard.length - (heard.length % FRAME_SAMPLES);
    this.#pending = heard.slice(whole);
    return this.#listen(heard.subarray(0, whole));
  }

  async flush(): Promise<Float32Array> {
    if (this.#pending.length === 0) return new Float32Array(0);
    const last = new Float32Array(FRAME_SAMPLES);
    last.set(this.#pending);
    this.#pending = new Float32Array(0);
    return this.#listen(last);
  }

  close(): void {
    this.#session.close();
    this.#second?.close();
  }

  /** @param samples whole frames */
  async #listen(samples: Float32Array): Promise<Float32Array> {
    const quiet: number[] = [];
    const louder: Float32Array[] = [];
    for (let at = 0; at < samples.length; at += FRAME_SAMPLES) {
      const frame = samples.subarray(at, at + FRAME_SAMPLES);
      this.#level = Math.max(this.#level * DECAY, framePower(frame));
      if (this.#level >= QUIET || this.#level <= DIGITAL_SILENCE) continue;
      quiet.push(at / FRAME_SAMPLES);
      const gain = Math.sqrt(TARGET / this.#level);
      louder.push(frame.map((sample) => Math.max(-1, Math.min(1, sample * gain))));
    }
    const probabilities = await this.#session.push(samples);
    if (quiet.length === 0) return probabilities;
    this.#second ??= this.#model.createSession();
    const second = await this.#second.push(joined(louder));
    for (const [i, frame] of quiet.entries()) {
      probabilities[frame] = Math.max(probabilities[frame]!, second[i]!);
    }
    return probabilities;
  }
}

function joined(frames: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(frames.length * FRAME_SAMPLES);
  for (const [i, frame] of frames.entries()) all.set(frame, i * FRAME_SAMPLES);
  return all;
}
