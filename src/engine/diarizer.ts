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
import type { WindowTurn } from "../types/engine.js";
import type {
  DiarizationEngine,
  DiarizedRecording,
  Diarizer,
  DiarizerSession,
  LiveDiarizerSession,
  NumberedTurn,
  SpeakerCount,
  VoiceMeasure,
} from "../types/speakers.js";

/**
 * How encoders tell voices apart. GE2E: measured on five speakers of LibriSpeech, 8 to 40 s each, and their calls: one
 * person's voices are alike by 0.76 to 0.99 (median 0.90), two persons' by 0.40 to 0.81 (median 0.57). ResNet34: after the
 * thresholds that are usual for its cosines, where two persons' are around 0.
 */
const MEASURES: Readonly<Record<DiarizationFileInfo["embedding"], Omit<VoiceMeasure, "size"> | undefined>> = {
  ge2e: { alike: 0.8, margin: 0.08 },
  "wespeaker-resnet34": { alike: 0.5, margin: 0.15 },
  "": undefined,
};

/**
 * What a diarization model's file is for.
 * @throws TranscriptionError MODEL_NOT_FOUND, MODEL_INVALID
 */
export async function diarizationEngineOf(path: string): Promise<DiarizationEngine> {
  try {
    return (await loadAddon().inspectDiarizationModel(path)).pipeline;
  } catch (error) {
    throw TranscriptionError.from(error);
  }
}

/**
 * An engine of diarization from its model's file.
 * @throws TranscriptionError MODEL_NOT_FOUND, MODEL_INVALID, OUT_OF_MEMORY, DEVICE_UNAVAILABLE
 */
export async function loadDiarizer(path: string, threads: number): Promise<Diarizer> {
  try {
    const addon = loadAddon();
    await addon.loadBackends(backendDirectory(), null, false);
    return new NativeDiarizer(await addon.loadDiarizationModel(path, { threads }));
  } catch (error) {
    throw TranscriptionError.from(error);
  }
}

class NativeDiarizer implements Diarizer {
  readonly engine: DiarizationEngine;
  readonly mostSpeakers: number;
  readonly voices: VoiceMeasure | undefined;
  readonly createLiveSession?: NonNullable<Diarizer["createLiveSession"]>;
  readonly #model: NativeDiarizationModel;
  readonly #batch: number;
  /** Recordings take turns where no executor sees to that: a worker thread that waited for the model would be lost to all else. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(model: NativeDiarizationModel) {
    this.#model = model;
    const { pipeline, mostSpeakers, batch, embedding, embeddingSize } = model.info();
    this.engine = pipeline;
    this.mostSpeakers = mostSpeakers || Number.POSITIVE_INFINITY;
    this.#batch = batch;
    const measure = MEASURES[embedding];
    this.voices = measure && { size: embeddingSize, ...measure };
    if (pipeline === "nemotron")
      this.createLiveSession = (request, most) =>
        new NativeLiveSession(model.open({ request, priority: "live" }), most);
  }

  createSession({ priority, request }: WindowTurn): DiarizerSession {
    return new NativeSession(this.#model.open({ request, priority }), this.#batch, (step) =>
      this.createLiveSession ? step() : this.#inTurn(step),
    );
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

  /** @param batch seconds of sound that the model works on at once */
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
    await this.#work(signal, (flag) => this.#stream.end(flag));
    return this.#work(signal, (flag) => this.#stream.finish(count, flag));
  }

  close(): void {
    this.#stream.close().catch(() => {});
  }

  async #give(samples: Float32Array, signal: AbortSignal): Promise<void> {
    if (samples.length > 0) await this.#work(signal, (flag) => this.#stream.push(samples, 0, flag));
  }

  #work<T>(signal: AbortSignal, step: Parameters<typeof cancellable<T>>[1]): Promise<T> {
    return this.#inTurn(() => working(signal, step));
  }
}

/** One channel of a live stream, whose steps come before all other work. */
class NativeLiveSession implements LiveDiarizerSession {
  readonly #stream: NativeDiarizationStream;
  readonly #most: number;

  constructor(stream: NativeDiarizationStream, most: number) {
    this.#stream = stream;
    this.#most = most;
  }

  push(samples: Float32Array, start: number, signal: AbortSignal): Promise<void> {
    return working(signal, (flag) => this.#stream.push(samples, start, flag));
  }

  look(samples: Float32Array, start: number, signal: AbortSignal): Promise<readonly NumberedTurn[]> {
    return working(signal, (flag) => this.#stream.look(samples, { start, most: this.#most }, flag));
  }

  close(): void {
    this.#stream.close().catch(() => {});
  }
}

async function working<T>(signal: AbortSignal, step: Parameters<typeof cancellable<T>>[1]): Promise<T> {
  try {
    return await cancellable(signal, step);
  } catch (error) {
    throw TranscriptionError.from(error);
  }
}
