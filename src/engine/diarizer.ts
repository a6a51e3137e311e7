import {
  backendDirectory,
  loadAddon,
  type NativeDiarizationModel,
  type NativeDiarizationStream,
} from "../addon/addon.js";
import { cancellable } from "../addon/cancellation.js";
import { SampleBatches } from "../audio/sample-batches.js";
import { TranscriptionError } from "../errors.js";
import { SAMPLE_RATE } from "../types/audio.js";
import type { DiarizedRecording, Diarizer, DiarizerSession, SpeakerCount } from "../types/speakers.js";

/**
 * The community pipeline from a model file.
 * @throws TranscriptionError MODEL_NOT_FOUND, MODEL_INVALID, OUT_OF_MEMORY, DEVICE_UNAVAILABLE
 */
export async function loadDiarizer(path: string, threads: number): Promise<Diarizer> {
  try {
    const addon = loadAddon();
    await addon.inspectDiarizationModel(path);
    await addon.loadBackends(backendDirectory(), null, false);
    return new NativeDiarizer(await addon.loadDiarizationModel(path, { threads }));
  } catch (error) {
    throw TranscriptionError.from(error);
  }
}

class NativeDiarizer implements Diarizer {
  readonly #model: NativeDiarizationModel;
  /** Recordings take turns: a worker thread that waited for the model would be lost to all else. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(model: NativeDiarizationModel) {
    this.#model = model;
  }

  createSession(): DiarizerSession {
    return new NativeSession(this.#model.open(), this.#model.info().batch, (step) => this.#inTurn(step));
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#model.close();
  }

  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const result = this.#last.then(step);
    this.#last = result.catch(() => {});
    return result;
  }
}

class NativeSession implements DiarizerSession {
  readonly #stream: NativeDiarizationStream;
  readonly #inTurn: <T>(step: () => Promise<T>) => Promise<T>;
  /** What goes to the addon at once: a step of the networks, a few tenths of a second of work for all threads. */
  readonly #batches: SampleBatches;

  /** @param batch windows, one for each second, that the model works on at once */
  constructor(
    stream: NativeDiarizationStream,
    batch: number,
    inTurn: <T>(step: () => Promise<T>) => Promise<T>,
  ) {
    this.#stream = stream;
    this.#batches = new SampleBatches(batch * SAMPLE_RATE);
    this.#inTurn = inTurn;
  }

  async push(samples: Float32Array, signal: AbortSignal): Promise<void> {
    for (const batch of this.#batches.push(samples)) await this.#give(batch, signal);
  }

  async finish(count: SpeakerCount, signal: AbortSignal): Promise<DiarizedRecording> {
    await this.#give(this.#batches.rest(), signal);
    return this.#work(signal, (flag) => this.#stream.finish(count, flag));
  }

  close(): void {
    this.#stream.close().catch(() => {});
  }

  async #give(samples: Float32Array, signal: AbortSignal): Promise<void> {
    if (samples.length > 0) await this.#work(signal, (flag) => this.#stream.push(samples, flag));
  }

  async #work<T>(signal: AbortSignal, step: Parameters<typeof cancellable<T>>[1]): Promise<T> {
    try {
      return await this.#inTurn(() => cancellable(signal, step));
    } catch (error) {
      throw TranscriptionError.from(error);
    }
  }
}
