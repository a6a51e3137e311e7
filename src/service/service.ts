import type { FileHandle } from "node:fs/promises";
import {
  type AudioInput,
  type DetectLanguageOptions,
  type DiarizationResult,
  type LanguageDetection,
  type LiveOptions,
  type LiveProgress,
  releaseMemory,
  type SpeechDetection,
  type Transcriber,
  TranscriptionError,
  type Waveform,
} from "../index.js";
import { type Budgets, createBudgets } from "./budgets.js";
import { type Call, ClientGone, Unavailable } from "./call/call.js";
import type { Holder } from "./call/holdings.js";
import { OpenCalls } from "./call/open-calls.js";
import type { JobRole } from "./jobs/job-storage.js";
import { Jobs } from "./jobs/jobs.js";
import { type LiveSession, LiveStreams } from "./live.js";
import { type Keeping, keepingOf, LiveRecording } from "./live-recording.js";
import type { Fields, Logger } from "./log.js";
import { ServerMetrics } from "./metrics/server-metrics.js";
import { Downloads } from "./models/downloads.js";
import { Models, type ServedModel } from "./models/models.js";
import { fetchInto } from "./recordings/fetching.js";
import type { OpenRecording, RecordingSource } from "./recordings/store.js";
import { RequestLog } from "./request-log.js";
import { type ServerSettings, variableOf } from "./settings.js";
import { Storage } from "./storage.js";
import { PhoneCalls } from "./telephony/phone-calls.js";
import { within } from "./timers.js";
import { Upload } from "./upload.js";
import {
  type DiarizeWork,
  type SpeechWork,
  type Waiting,
  type Work,
  Workers,
  type WorkOptions,
} from "./workers.js";

/** Milliseconds without a call after which memory is given back: long after the last of many, soon for who looks. */
const REST = 5000;
/** Bytes of recordings since the last time from which on that is worth its while: it holds up everything else. */
const WORTH_IT = 1024 ** 2;
/** Clients get this long to read what was sent to them when the server closes, in seconds. */
export const FLUSH_SECONDS = 1;

/** What a door says of work; its call says the rest. */
type OfCall<T> = Omit<T, keyof Waiting>;

/** By what work with a model is done. */
export interface ByModel {
  /** What {@link Service.withModel} gives; undefined: the main model, for as long as the work takes. */
  transcriber?: Transcriber;
}

/** How long a request may take. */
export interface Deadline {
  /** Seconds, where the request says; undefined: what the server allows. */
  timeout: number | undefined;
  /** What the request calls it. */
  timeoutName: string;
}

/** What every door shares: there is one of it in a server, and it knows of no door. */
export class Service {
  readonly metrics = new ServerMetrics();
  readonly workers: Workers;
  readonly models: Models;
  readonly downloads: Downloads;
  readonly liveStreams: LiveStreams;
  readonly budgets: Budgets;
  readonly storage: Storage;
  readonly jobs: Jobs;
  readonly phoneCalls: PhoneCalls;
  /** The calls of all doors. */
  readonly calls = new OpenCalls(() => this.#rest());
  #settings: ServerSettings;
  #restTimer: NodeJS.Timeout | undefined;
  #sinceRest = 0;
  #drained: Promise<void> | undefined;

  /**
   * @param settings as they are at the start
   * @param log lines about calls
   * @param onStorage called with what keeps uploads from being stored, and with undefined when nothing does any more
   * @param recordings what is kept for longer than a call; undefined: nothing is
   * @param isWorker whether it does what servers have put into the queue, and nothing else
   */
  constructor(
    settings: ServerSettings,
    readonly log: Logger,
    onStorage: (fault: string | undefined) => void,
    readonly recordings: RecordingSource | undefined = undefined,
    readonly isWorker = false,
  ) {
    this.#settings = settings;
    this.workers = new Workers(settings, this.metrics);
    this.liveStreams = new LiveStreams(settings, this.metrics);
    this.models = new Models(settings, log, this.metrics);
    this.downloads = new Downloads(settings, log);
    this.budgets = createBudgets(settings);
    this.storage = new Storage(onStorage);
    this.jobs = new Jobs(this);
    this.phoneCalls = new PhoneCalls(settings);
  }

  /** Those that are in force. */
  get settings(): ServerSettings {
    return this.#settings;
  }

  /** What it has to do with jobs. */
  get jobRole(): JobRole {
    if (this.isWorker) return "worker";
    return this.settings.queueUrl === undefined ? "alone" : "server";
  }

  /** Others are in force from now on, of which those alone differ that can be taken over while the server runs. */
  takeOver(settings: ServerSettings): void {
    this.#settings = settings;
  }

  /** Does `work` with a new upload of `holder`, which is gone afterwards. */
  async withUpload<T>(holder: Holder, work: (upload: Upload) => Promise<T>): Promise<T> {
    const { budgets, storage } = this;
    const upload = new Upload(holder, { budgets, storage, maxBytes: this.settings.maxUploadBytes });
    try {
      return await work(upload);
    } finally {
      await upload.close();
    }
  }

  /** Does `work` with a recording as a file: the one that it is, or a copy which is gone afterwards. */
  async withFile<T>(call: Call, opened: OpenRecording, work: (file: FileHandle) => Promise<T>): Promise<T> {
    if (opened.file) return work(opened.file);
    return this.withUpload(call, async (upload) => {
      await fetchInto(upload, opened, call, this.settings);
      return work(await upload.file());
    });
  }

  /** Counts and logs what was asked. @param format as the client calls it */
  note(call: Call, filename: string, bytes: number, format = ""): void {
    this.metrics.received(bytes);
    this.#sinceRest += bytes;
    call.bytes = bytes;
    this.#logOf(call).request(filename, bytes, format);
  }

  /**
   * Does `work` with a model, which is loaded for it if need be, within the request's time, and stays loaded until it is
   * done.
   * @param model one that {@link Models.choose} has found, or a name for it; undefined: the main one
   * @throws TranscriptionError MODEL_NOT_FOUND; QUEUE_FULL where models that are in use leave no room for it; what loading it
   *   throws
   */
  async withModel<T>(
    call: Call,
    model: ServedModel | string | undefined,
    work: (transcriber: Transcriber) => Promise<T>,
    deadline: Deadline = { timeout: undefined, timeoutName: "timeout" },
  ): Promise<T> {
    const { models } = this;
    const chosen = typeof model === "object" ? model : await models.choose(model);
    let lease = models.leaseLoaded(chosen);
    if (!lease) {
      this.#limit(call, deadline);
      lease = await models.lease(chosen, call.signal);
    }
    try {
      return await work(lease.value);
    } finally {
      lease.release();
    }
  }

  /**
   * Text of a recording that has arrived, within the server's time for it or, where that is shorter, the request's.
   * @param timeoutName what the request calls its `timeout`
   */
  transcribe(
    call: Call,
    input: AudioInput,
    { timeout, onProgress, transcriber, ...options }: OfCall<WorkOptions> & ByModel,
    timeoutName: string,
  ): Promise<Work> {
    const logProgress = this.#logOf(call).progress(this.settings.batchSize);
    const deadline = { timeout, timeoutName };
    return this.#by(call, transcriber, deadline, (model) =>
      this.#inTime(call, deadline, (waiting) =>
        this.workers.transcribe(model, input, {
          ...options,
          ...waiting,
          onProgress: (progress) => {
            logProgress(progress);
            onProgress?.(progress);
          },
        }),
      ),
    );
  }

  /** Who speaks when, with the limits of {@link transcribe}. */
  diarize(
    call: Call,
    input: AudioInput,
    { timeout, ...options }: OfCall<DiarizeWork>,
    timeoutName: string,
  ): Promise<Work<DiarizationResult>> {
    return this.#inTime(call, { timeout, timeoutName }, (waiting) =>
      this.workers.diarize(input, { ...options, ...waiting }),
    );
  }

  /** Where somebody speaks, with the limits of {@link transcribe}. */
  detectSpeech(
    call: Call,
    input: AudioInput,
    { timeout, ...options }: OfCall<SpeechWork>,
    timeoutName: string,
  ): Promise<Work<SpeechDetection>> {
    return this.#inTime(call, { timeout, timeoutName }, (waiting) =>
      this.workers.detectSpeech(input, { ...options, ...waiting }),
    );
  }

  /** What a recording looks like, with the limits of {@link transcribe}. */
  waveform(call: Call, input: AudioInput): Promise<Work<Waveform>> {
    const deadline = { timeout: undefined, timeoutName: "" };
    return this.#inTime(call, deadline, (waiting) => this.workers.waveform(input, waiting));
  }

  /** What language is spoken, with the limits of {@link transcribe}. */
  detectLanguage(
    call: Call,
    input: AudioInput,
    { timeout, transcriber, ...options }: OfCall<DetectLanguageOptions> & ByModel,
    timeoutName: string,
  ): Promise<Work<LanguageDetection>> {
    const deadline = { timeout, timeoutName };
    return this.#by(call, transcriber, deadline, (model) =>
      this.#inTime(call, deadline, (waiting) =>
        this.workers.detectLanguage(model, input, { ...options, ...waiting }),
      ),
    );
  }

  #by<T>(
    call: Call,
    transcriber: Transcriber | undefined,
    deadline: Deadline,
    work: (transcriber: Transcriber) => Promise<T>,
  ): Promise<T> {
    return transcriber ? work(transcriber) : this.withModel(call, undefined, work, deadline);
  }

  /** What a request has waited for already is part of its time. */
  #limit(call: Call, { timeout = Number.POSITIVE_INFINITY, timeoutName }: Deadline): void {
    const { requestTimeout } = this.settings;
    const [seconds, limit] =
      timeout < requestTimeout ? [timeout, timeoutName] : [requestTimeout, variableOf("requestTimeout")];
    const left = Math.max(0, seconds - call.stages.waiting);
    call.expireAfter(left, `The request took longer than ${limit} (${seconds} s)`);
  }

  /**
   * Text of audio while it is spoken, within the server's limits on live streams. It ends with the call.
   * @param model a name for it, which is loaded for the stream if need be; undefined: the main one
   * @param keeping what is kept of it; undefined: what the server keeps by itself
   * @throws TranscriptionError INVALID_ARGUMENT where it is to be kept, and the server keeps no recordings;
   *   as {@link LiveStreams.start} and {@link Models.lease}
   */
  async live(
    call: Call,
    options: LiveOptions,
    model?: ServedModel | string,
    keeping?: Keeping,
  ): Promise<LiveSession> {
    const chosen = typeof model === "object" ? model : await this.models.choose(model);
    const lease = this.models.leaseLoaded(chosen) ?? (await this.models.lease(chosen, call.signal));
    try {
      const { again, record } = keepingOf(this, keeping);
      const order = { options, model: chosen, transcriber: lease.value };
      const recording = record ? new LiveRecording(this, call, again ? order : undefined) : undefined;
      const session = this.liveStreams.start(call, lease.value, options, recording);
      void session.closed.then(() => {
        lease.release();
        this.#noteCutOff(call, session.progress);
      });
      return session;
    } catch (error) {
      lease.release();
      throw error;
    }
  }

  /** Of a stream that was cut off the log says how far it was. */
  #noteCutOff(call: Call, { processed, received }: LiveProgress): void {
    if (processed >= received) return;
    const fields = { audio_seconds: received, processed_seconds: processed };
    const message = `Cut off: ${processed.toFixed(1)} of ${received.toFixed(1)} s of live audio were listened to`;
    this.log.about(call.id).info(message, fields);
  }

  #inTime<T>(
    call: Call,
    deadline: Deadline,
    work: (waiting: Required<Waiting>) => Promise<Work<T>>,
  ): Promise<Work<T>> {
    this.#limit(call, deadline);
    const working = work({ signal: call.signal, onTurn: () => call.markStarted() });
    return working.catch((error: unknown) => {
      // Decoders store copies beside the uploads.
      if (TranscriptionError.from(error).code === "STORAGE_FAILED") this.storage.suspect();
      throw error;
    });
  }

  /** Has the log say what came of a call whose answer is delivered now: until then it may still fail. */
  logSuccess(call: Call, { result }: Work): void {
    this.#logOf(call).success(result);
  }

  /** The same of what is no text. @param found what was found, in words, and as fields */
  logFound(call: Call, found: string, fields: Fields, warnings: readonly string[] = []): void {
    this.#logOf(call).found(found, fields, warnings);
  }

  /** Has the log say why a call failed. @param message what its client is told @param code by which its door knows it */
  logFailure(call: Call, reason: unknown, message: string, code: string): void {
    const log = this.#logOf(call);
    if (reason instanceof ClientGone) log.cancelled();
    else if (reason instanceof Unavailable) log.unfinished(reason);
    else if (code === "INTERNAL") log.defect(reason as Error);
    else log.failed(message, code);
  }

  /** Waits for the calls that are open, and ends those that outlast the grace period. Doors let nobody in by then. */
  drain(): Promise<void> {
    this.#drained ??= this.#drain();
    return this.#drained;
  }

  async #drain(): Promise<void> {
    const { shutdownGrace } = this.settings;
    this.jobs.pause();
    const idle = this.calls.idle();
    if (this.calls.size > 0)
      this.log.info(`Waiting up to ${shutdownGrace} s for ${this.calls.size} open calls`);
    if (await within(idle, shutdownGrace)) return;
    this.calls.failAll(new Unavailable("The server is shutting down"));
    await within(idle, FLUSH_SECONDS);
  }

  #logOf(call: Call): RequestLog {
    return new RequestLog(this.log, call);
  }

  #rest(): void {
    clearTimeout(this.#restTimer);
    this.#restTimer = setTimeout(() => {
      // Without the addon there is no model either, and nothing to give back.
      if (this.calls.size > 0 || this.#sinceRest < WORTH_IT) return;
      this.#sinceRest = 0;
      releaseMemory().catch(() => {});
    }, REST).unref();
  }

  async close(): Promise<void> {
    clearTimeout(this.#restTimer);
    this.downloads.close();
    await this.jobs.close();
    this.phoneCalls.close();
    this.storage.close();
    this.recordings?.close();
  }
}
