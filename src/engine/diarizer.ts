import {
  backendDirectory,
  type DiarizationFileInfo,
  loadAddon,
  type NativeDiarizationModel,
  type NativeDiarizationStream,
} from "../addon/addon.js";
import { cancellable } from "../addon/cancellation.js";
import { SampleBatches } from "../audio/sample-batches.js";
import { TranscriptionError } from "../errors.js";
import { SAMPLE_RATE } from "../types/audio.js";
import type {
  DiarizedRecording,
  Diarizer,
  DiarizerSession,
  SpeakerCount,
  VoiceMeasure,
} from "../types/speakers.js";

/**
 * How encoders tell voices apart. GE2E: measured on five speakers of LibriSpeech, 8 to 40 s each, and their calls: one
 * person's voices are alike by 0.76 to 0.99 (median 0.90), two persons' by 0.40 to 0.81 (median 0.57). ResNet34: after the
 * thresholds that are usual for its cosines, where two persons' are around 0.
 */
const MEASURES: Readonly<Record<DiarizationFileInfo["embedding"], Omit<VoiceMeasure, "size">>> = {
  ge2e: { alike: 0.8, margin: 0.08 },
  "wespeaker-resnet34": { alike: 0.5, margin: 0.15 },
};

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
  readonly voices: VoiceMeasure;
  readonly #model: NativeDiarizationModel;
  /** Recordings take turns: a worker thread that waited for the model would be lost to all else. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(model: NativeDiarizationModel) {
    this.#model = model;
    const { embedding, embeddingSize } = model.info();
    this.voices = { size: embeddingSize, ...MEASURES[embedding] };
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
