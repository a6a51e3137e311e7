import { joinSamples } from "../audio/join-samples.js";
import { SampleBatches } from "../audio/sample-batches.js";
import type { VadModel, VadSession } from "../types/engine.js";
import { DIGITAL_SILENCE, framePower } from "./recording-level.js";
import { FRAME_SAMPLES } from "./speech-regions.js";

/** Level in mean square below which sound is listened to a second time, made louder: -45 dBFS. */
const QUIET = 10 ** -4.5;

/** Level that it is brought to: -30 dBFS. */
const TARGET = 1e-3;

/** How the level falls from frame to frame: 20 dB a second, so that a quiet turn is heard soon after a loud one. */
const DECAY = 10 ** ((-2 * FRAME_SAMPLES) / 16_000);

/** Frames that are listened to at once: a second. */
export const VAD_BATCH = 32;

/** Frames of zeros after which no more are listened to: 10 s. */
const ENOUGH_ZEROS = Math.ceil((10 * 16_000) / FRAME_SAMPLES);

/**
 * A VAD session that does not miss quiet speech. Networks are trained on speech of usual levels and find less of it where
 * it is far below, be it all of a recording or the party far from the microphone. Frames of quiet stretches go to a
 * second session too, brought to a usual level; the greater probability counts. Everything else is heard as it is: made
 * louder, noisy speech of usual level is found less well.
 *
 * Zeros, as the holes of a recording have them, are no speech: after 10 s of them the network is not asked any more, and
 * begins anew with what comes behind them. A hole may last hours.
 *
 * Probabilities come a batch at a time, a second of sound unless it is said otherwise, the last at the end. They do not
 * depend on its length.
 */
export class LevelledVad implements VadSession {
  readonly #model: VadModel;
  readonly #session: VadSession;
  /** Hears quiet stretches, once there are any. */
  #second: VadSession | undefined;
  /** Of the loudest frame not long ago, as a mean square. */
  #level = 0;
  readonly #batches: SampleBatches;
  /** Frames of zeros in a row. */
  #zeros = 0;

  /** @param batch frames that are listened to at once */
  constructor(model: VadModel, batch = VAD_BATCH) {
    this.#batches = new SampleBatches(batch * FRAME_SAMPLES);
    this.#model = model;
    this.#session = model.createSession();
  }

  async push(samples: Float32Array): Promise<Float32Array> {
    const probabilities: Float32Array[] = [];
    for (const batch of this.#batches.push(samples)) probabilities.push(await this.#listen(batch));
    return joinSamples(probabilities);
  }

  async flush(): Promise<Float32Array> {
    const rest = this.#batches.rest();
    const last = new Float32Array(Math.ceil(rest.length / FRAME_SAMPLES) * FRAME_SAMPLES);
    last.set(rest);
    return this.#listen(last);
  }

  close(): void {
    this.#session.close();
    this.#second?.close();
  }

  /** @param samples whole frames */
  async #listen(samples: Float32Array): Promise<Float32Array> {
    const probabilities = new Float32Array(samples.length / FRAME_SAMPLES);
    let from = 0;
    const hear = async (to: number): Promise<void> => {
      if (from < to)
        probabilities.set(await this.#hear(samples.subarray(from * FRAME_SAMPLES, to * FRAME_SAMPLES)), from);
      from = to;
    };
    for (let i = 0; i < probabilities.length; i++) {
      if (isZero(samples.subarray(i * FRAME_SAMPLES, (i + 1) * FRAME_SAMPLES))) {
        this.#zeros += 1;
        if (this.#zeros <= ENOUGH_ZEROS) continue;
        await hear(i);
        from = i + 1;
      } else {
        if (this.#zeros > ENOUGH_ZEROS) await this.#beginAnew();
        this.#zeros = 0;
      }
    }
    await hear(probabilities.length);
    return probabilities;
  }

  /** Forgets what was heard. */
  async #beginAnew(): Promise<void> {
    await this.#session.flush();
    await this.#second?.flush();
    this.#level = 0;
  }

  async #hear(samples: Float32Array): Promise<Float32Array> {
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
    const second = await this.#second.push(joinSamples(louder));
    for (const [i, frame] of quiet.entries()) {
      probabilities[frame] = Math.max(probabilities[frame]!, second[i]!);
    }
    return probabilities;
  }
}

function isZero(frame: Float32Array): boolean {
  return frame.every((sample) => sample === 0);
}
