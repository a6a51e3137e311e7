import { resolveLive } from "./config/live-options.js";
import { type ResolvedRequest, resolveDetection, resolveRequest } from "./config/options.js";
import { computeThreads } from "./engine/cores.js";
import { acquireEngine, acquireVad } from "./engine/loading.js";
import type { Lease } from "./engine/shared.js";
import { TranscriptionError } from "./errors.js";
import { LiveTranscription } from "./live/live-transcription.js";
import { detectAudioLanguage } from "./pipeline/detect-language.js";
import { fitToModel, timesWordsOf } from "./pipeline/fit-to-model.js";
import { leaseDiarizer } from "./pipeline/lease-diarizer.js";
import type { RequestScope } from "./pipeline/request-scope.js";
import { SegmentStream } from "./pipeline/segment-stream.js";
import { transcribeAudio } from "./pipeline/transcription.js";
import { inScope } from "./pipeline/with-recording.js";
import { withSpeakers } from "./pipeline/with-speakers.js";
import type { AudioInput, DecodedAudio } from "./types/audio.js";
import type { Engine, EngineLoad, LanguageDetection, VadModel } from "./types/engine.js";
import type { LiveOptions, LiveStream } from "./types/live.js";
import type { TranscribeOptions, TranscriberOptions } from "./types/options.js";
import type { TranscriptionResult } from "./types/result.js";
import type {
  DetectLanguageOptions,
  Transcriber,
  TranscriberInfo,
  TranscriptionStream,
} from "./types/transcriber.js";

/** What a request does with its opened input. */
type Work<T> = (audio: DecodedAudio, vad: VadModel | undefined, scope: RequestScope) => Promise<T>;

/** Loads what `options`, checked, ask for. @throws TranscriptionError */
export async function loadTranscriber(
  options: TranscriberOptions,
  signal?: AbortSignal,
): Promise<LoadedTranscriber> {
  const transcriber = new LoadedTranscriber(options, await acquireEngine(options, signal));
  try {
    // A VAD model that was named has to be there; one that was not is looked for when a request wants it.
    if (typeof options.vadModel === "string") await transcriber.findVad("auto", options.download ?? true);
    return transcriber;
  } catch (error) {
    await transcriber.close();
    throw error;
  }
}

export class LoadedTranscriber implements Transcriber {
  readonly info: TranscriberInfo;
  readonly #options: TranscriberOptions;
  readonly #engine: Lease<Engine>;
  readonly #vads = new Map<true | "auto", Promise<Lease<VadModel> | undefined>>();
  readonly #running = new Set<Promise<unknown>>();
  readonly #streams = new Set<LiveTranscription>();
  #closing: Promise<void> | undefined;

  constructor(options: TranscriberOptions, engine: Lease<Engine>) {
    const { implementation, model, device, maxWindow } = engine.value;
    // Not the engine's own to say: it is shared with requests for other numbers of threads.
    const { note } = computeThreads(options.threads);
    const noted = note === undefined ? device : { ...device, threadsNote: note };
    const timesWords = timesWordsOf(engine.value);
    this.info = { implementation, model, device: noted, maxWindow, languages: model.languages, timesWords };
    this.#options = options;
    this.#engine = engine;
  }

  checkOptions(options: TranscribeOptions): void {
    const request = resolveRequest(options, this.#options.limits);
    this.#throwIfClosed();
    fitToModel(request, this.#engine.value);
  }

  async transcribe(input: AudioInput, options: TranscribeOptions = {}): Promise<TranscriptionResult> {
    const startedAt = performance.now();
    const request = resolveRequest(options, this.#options.limits);
    this.#throwIfClosed();
    const engine = this.#engine.value;
    const modelRequest = fitToModel(request, engine);
    return this.#run(input, request, async (audio, vad, scope) => {
      if (!request.diarize)
        return transcribeAudio({ audio, engine, vad, request, modelRequest, scope, startedAt });
      const findVad = async () => vad ?? (await scope.race(this.findVad("auto")))?.value;
      const means = { loading: this.#options, findVad, scope };
      return withSpeakers(audio, request, means, (parties, speakers) =>
        transcribeAudio({ audio: parties, speakers, engine, vad, request, modelRequest, scope, startedAt }),
      );
    });
  }

  stream(input: AudioInput, options: TranscribeOptions = {}): TranscriptionStream {
    const { onSegment, signal } = resolveRequest(options, this.#options.limits);
    return new SegmentStream(signal, (deliver, signal) =>
      this.transcribe(input, {
        ...options,
        signal,
        onSegment: (segment) => {
          deliver(segment);
          return onSegment?.(segment);
        },
      }),
    );
  }

  async detectLanguage(input: AudioInput, options: DetectLanguageOptions = {}): Promise<LanguageDetection> {
    const request = resolveDetection(options, this.#options.limits);
    return this.#run(input, request, (audio, vad, scope) =>
      detectAudioLanguage(audio, this.#engine.value, vad, request, scope),
    );
  }

  live(options: LiveOptions = {}): LiveStream {
    const rules = resolveLive(options);
    this.#throwIfClosed();
    const engine = this.#engine.value;
    const modelRequest = fitToModel(rules.request, engine);
    const findVad = async () => {
      const vad = await this.findVad(true);
      return vad!.value;
    };
    if (this.#options.vadModel === null) {
      throw new TranscriptionError(
        "INVALID_ARGUMENT",
        "Live transcription needs a VAD model, but vadModel is null",
        { option: "vadModel" },
      );
    }
    const stream = new LiveTranscription({
      engine,
      findVad,
      leaseDiarizer: (request, scope) => leaseDiarizer(request, this.#options, scope),
      rules,
      modelRequest,
    });
    this.#streams.add(stream);
    stream.closed.then(() => this.#streams.delete(stream));
    return stream;
  }

  load(): EngineLoad | undefined {
    return this.#engine.value.load?.();
  }

  close(): Promise<void> {
    return this.release(0);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** As {@link close}, but what was loaded stays loaded for `keepFor` seconds. */
  release(keepFor: number): Promise<void> {
    this.#closing ??= this.#release(keepFor);
    return this.#closing;
  }

  /**
   * The VAD model for requests with this `vadFilter`. Looked for again while there is none. A request never has one
   * downloaded: what is to be used was there when the transcriber was made.
   */
  findVad(
    filter: true | "auto",
    download: boolean | undefined = false,
  ): Promise<Lease<VadModel> | undefined> {
    let found = this.#vads.get(filter);
    if (!found) {
      found = acquireVad(filter, { ...this.#options, download });
      this.#vads.set(filter, found);
      const forget = (): boolean => this.#vads.delete(filter);
      found.then((lease) => lease ?? forget(), forget);
    }
    return found;
  }

  async #release(keepFor: number): Promise<void> {
    // Nobody else says that nothing more will be written.
    for (const stream of this.#streams) stream.end().catch(() => {});
    await Promise.allSettled([...this.#running, ...[...this.#streams].map((stream) => stream.closed)]);
    for (const vad of await Promise.allSettled(this.#vads.values())) {
      if (vad.status === "fulfilled") await vad.value?.release(keepFor);
    }
    await this.#engine.release(keepFor);
  }

  #throwIfClosed(): void {
    if (this.#closing) throw new TranscriptionError("CANCELLED", "The transcriber is closed");
  }

  /** Does `work`, as part of what `close()` waits for. */
  #run<T>(input: AudioInput, request: ResolvedRequest, work: Work<T>): Promise<T> {
    this.#throwIfClosed();
    const running = this.#withAudio(input, request, work);
    const forget = (): boolean => this.#running.delete(running);
    this.#running.add(running);
    running.then(forget, forget);
    return running;
  }

  #withAudio<T>(input: AudioInput, request: ResolvedRequest, work: Work<T>): Promise<T> {
    const { vadFilter } = request;
    // A party on each channel tells speakers apart better than any model.
    const channels = request.diarize && request.channels === "mix" ? "parties" : request.channels;
    return inScope(input, request, channels, async (scope, open) => {
      const vad = vadFilter === false ? undefined : await scope.race(this.findVad(vadFilter));
      return work(await open(), vad?.value, scope);
    });
  }
}
