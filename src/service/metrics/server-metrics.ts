import { type Counter, collectDefaultMetrics, Histogram, Registry } from "prom-client";
import type { EngineLoad, TranscriptionResult } from "../../index.js";
import type { Budgets } from "../budgets.js";
import type { JobStatus } from "../jobs/job.js";
import type { JobTally } from "../jobs/store.js";
import { observeJobs } from "./job-metrics.js";
import { counter, type Labels, observedGauge } from "./observed.js";
import { ResultMetrics } from "./result-metrics.js";

const SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800];
const REAL_TIME_FACTORS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** Who serves, as labels. */
export interface Identity {
  version: string;
  implementation: string;
  model: string;
  device: string;
}

/** What is looked up when metrics are asked for. */
export interface Observed {
  openCalls(): number;
  /** Recordings that are being transcribed, and that wait for their turn. */
  running(): number;
  waiting(): number;
  /** Requests that wait unread for room in memory. */
  unread(): number;
  budgets: Budgets;
  /** undefined: there are no jobs. */
  jobs(): Promise<JobTally | undefined>;
  /** Live streams that are open, and the seconds of audio that wait in the one that is the most behind. */
  liveStreams(): number;
  liveLag(): number;
  load(): EngineLoad | undefined;
  /** Models that are in memory, on their way there or out of it. */
  models(): ReadonlyArray<{ name: string; memory: number; users: number; state: string }>;
  /** Bytes that they may take. */
  modelBudget(): number;
  isServing(): boolean;
  identity(): Identity | undefined;
}

let ofProcess: Registry | undefined;

/** What prom-client tells of a process, once for all servers in it. */
function processMetrics(): Registry {
  if (!ofProcess) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}

/** What the server counts, by the names of `deploy/README.md`. */
export class ServerMetrics {
  readonly #registry = new Registry();
  readonly #requests: Counter;
  readonly #requestSeconds: Histogram;
  readonly #queueSeconds: Histogram;
  readonly #processingSeconds: Histogram;
  readonly #realTimeFactor: Histogram;
  readonly #audioSeconds: Counter;
  readonly #uploadBytes: Counter;
  readonly #results: ResultMetrics;
  readonly #jobs: Counter;
  readonly #crashedJobs: Counter;
  readonly #jobFailures: Counter;
  readonly #webhooks: Counter;
  readonly #liveAudioSeconds: Counter;
  readonly #liveProcessedSeconds: Counter;
  readonly #liveRefused: Counter;
  readonly #modelLoads: Counter;
  readonly #modelUnloads: Counter;
  readonly #modelLoadSeconds: Histogram;

  constructor() {
    const registry = this.#registry;
    const histogram = (name: string, help: string, buckets: number[], labelNames: string[] = []) =>
      new Histogram({ name, help, buckets, labelNames, registers: [registry] });
    this.#requests = counter(registry, "agora_requests_total", "Calls that ended, by method and outcome.", [
      "method",
      "outcome",
    ]);
    this.#requestSeconds = histogram(
      "agora_request_duration_seconds",
      "Time of calls from their headers to their end, by method.",
      SECONDS,
      ["method"],
    );
    this.#queueSeconds = histogram(
      "agora_queue_seconds",
      "Time that received recordings waited for a worker.",
      SECONDS,
    );
    this.#processingSeconds = histogram(
      "agora_processing_seconds",
      "Time that workers took for recordings they finished.",
      SECONDS,
    );
    this.#realTimeFactor = histogram(
      "agora_real_time_factor",
      "Processing time per second of audio, of finished recordings; below 1 is faster than it was spoken.",
      REAL_TIME_FACTORS,
    );
    this.#audioSeconds = counter(registry, "agora_audio_seconds_total", "Audio of finished recordings.");
    this.#uploadBytes = counter(registry, "agora_upload_bytes_total", "Bytes of recordings received.");
    this.#results = new ResultMetrics(registry);
    this.#jobs = counter(registry, "agora_jobs_total", "Jobs that ended, by what became of them.", [
      "status",
    ]);
    this.#crashedJobs = counter(
      registry,
      "agora_jobs_crashed_total",
      "Jobs that were set aside, since processes have ended in their course.",
    );
    this.#jobFailures = counter(registry, "agora_job_failures_total", "Jobs that failed, by why.", ["code"]);
    this.#webhooks = counter(registry, "agora_webhooks_total", "Times that a webhook was sent, by outcome.", [
      "outcome",
    ]);
    // Who looks for growth does not see a series that begins with its first failure.
    for (const outcome of ["delivered", "retried", "failed"]) this.#webhooks.inc({ outcome }, 0);
    this.#liveAudioSeconds = counter(
      registry,
      "agora_live_audio_seconds_total",
      "Audio of live streams that ended.",
    );
    this.#liveProcessedSeconds = counter(
      registry,
      "agora_live_processed_seconds_total",
      "Of that, what was listened to: less where a stream was cut off.",
    );
    this.#liveRefused = counter(
      registry,
      "agora_live_refused_total",
      "Live streams that there was no room for.",
    );
    this.#modelLoads = counter(
      registry,
      "agora_model_loads_total",
      "Models loaded for requests, by outcome: ok or failed.",
      ["model", "outcome"],
    );
    this.#modelUnloads = counter(
      registry,
      "agora_model_unloads_total",
      "Models unloaded, by reason: ttl, memory or request.",
      ["model", "reason"],
    );
    this.#modelLoadSeconds = histogram(
      "agora_model_load_seconds",
      "Time that models loaded for requests took.",
      SECONDS,
    );
  }

  /** Adds what is not counted but looked up. */
  observe(observed: Observed): void {
    const { openCalls, running, waiting, unread, budgets, liveStreams, liveLag } = observed;
    const { load, models, modelBudget, isServing, identity } = observed;
    observeJobs(this.#registry, observed.jobs);
    const gauge = (
      ...metric: Parameters<typeof observedGauge> extends [Registry, ...infer Rest] ? Rest : never
    ) => observedGauge(this.#registry, ...metric);
    gauge("agora_open_calls", "Calls that are open.", openCalls);
    gauge(
      "agora_queue_length",
      "Requests that wait: unread, received and for a worker, or for memory.",
      () => [
        [{ stage: "unread" }, unread()],
        [{ stage: "worker" }, waiting()],
        [{ stage: "memory" }, budgets.memory.waiting],
      ],
      ["stage"],
    );
    gauge(
      "agora_budget_used_bytes",
      "Bytes that calls hold in memory, and that uploads take on disk.",
      () => perBudget(budgets, ({ used }) => used),
      ["of"],
    );
    gauge(
      "agora_budget_bytes",
      "Most of them, where there is a limit.",
      () => perBudget(budgets, ({ total }) => total).filter(([, total]) => Number.isFinite(total)),
      ["of"],
    );
    gauge("agora_live_streams", "Live streams that are open.", liveStreams);
    gauge("agora_live_lag_seconds", "Audio that waits in the live stream that is the most behind.", liveLag);
    gauge("agora_workers_busy", "Recordings that are being transcribed.", running);
    gauge(
      "agora_batch_windows",
      "Windows in the engine's batch, and waiting for it.",
      () => {
        const now = load();
        return (
          now && [
            [{ state: "running" }, now.running],
            [{ state: "waiting" }, now.waiting],
          ]
        );
      },
      ["state"],
    );
    gauge("agora_batch_capacity", "Most windows in a batch.", () => load()?.capacity);
    gauge(
      "agora_model_memory_bytes",
      "Bytes that each loaded model takes.",
      () => perModel(models(), ({ memory }) => memory),
      ["model"],
    );
    gauge(
      "agora_model_requests",
      "Requests that use each loaded model, or wait for it.",
      () => perModel(models(), ({ users }) => users),
      ["model"],
    );
    gauge(
      "agora_models_loaded",
      "Models that are loaded.",
      () => models().filter(({ state }) => state === "loaded").length,
    );
    gauge("agora_models_budget_bytes", "Bytes that they may take, where there is a limit.", () =>
      Number.isFinite(modelBudget()) ? modelBudget() : undefined,
    );
    gauge("agora_serving", "1 when calls are accepted, 0 while loading and shutting down.", () =>
      Number(isServing()),
    );
    gauge(
      "agora_info",
      "What serves.",
      () => {
        const who = identity();
        return who && [[{ ...who }, 1]];
      },
      ["version", "implementation", "model", "device"],
    );
  }

  ended(method: string, outcome: string, seconds: number): void {
    this.#requests.inc({ method, outcome });
    this.#requestSeconds.observe({ method }, seconds);
  }

  /** @param code of its failure, if it has failed */
  jobEnded(status: JobStatus, code?: string): void {
    this.#jobs.inc({ status });
    if (code !== undefined) this.#jobFailures.inc({ code });
  }

  /** Beside {@link jobEnded}. */
  jobSetAside(): void {
    this.#crashedJobs.inc();
  }

  webhookTried(outcome: "delivered" | "retried" | "failed"): void {
    this.#webhooks.inc({ outcome });
  }

  received(bytes: number): void {
    this.#uploadBytes.inc(bytes);
  }

  /** A received recording got its worker. */
  started(queued: number): void {
    this.#queueSeconds.observe(queued);
  }

  /** A recording was transcribed. @param audio its seconds @param processing seconds with its worker */
  finished(audio: number, processing: number): void {
    this.#audioSeconds.inc(audio);
    this.#processingSeconds.observe(processing);
    if (audio > 0) this.#realTimeFactor.observe(processing / audio);
  }

  /** What came of a recording. */
  transcribed(result: TranscriptionResult): void {
    this.#results.transcribed(result);
  }

  /** A live stream ended. @param received seconds of its audio @param processed of those, the ones that were listened to */
  liveEnded({ processed, received }: { processed: number; received: number }): void {
    this.#liveAudioSeconds.inc(received);
    this.#liveProcessedSeconds.inc(processed);
  }

  /** A live stream was refused, for there are too many. */
  liveRefused(): void {
    this.#liveRefused.inc();
  }

  /** A model was loaded for a request. */
  modelLoaded(model: string, seconds: number): void {
    this.#modelLoads.inc({ model, outcome: "ok" });
    this.#modelLoadSeconds.observe(seconds);
  }

  modelLoadFailed(model: string): void {
    this.#modelLoads.inc({ model, outcome: "failed" });
  }

  modelUnloaded(model: string, reason: string): void {
    this.#modelUnloads.inc({ model, reason });
  }

  /** Prometheus' text format. */
  text(): Promise<string> {
    return Registry.merge([this.#registry, processMetrics()]).metrics();
  }
}

/** One that is loaded again while it leaves is one. */
function perModel<M extends { name: string }>(
  models: readonly M[],
  read: (model: M) => number,
): Array<[Labels, number]> {
  const sums = new Map<string, number>();
  for (const model of models) sums.set(model.name, (sums.get(model.name) ?? 0) + read(model));
  return [...sums].map(([model, sum]) => [{ model }, sum]);
}

function perBudget(
  { memory, disk }: Budgets,
  read: (budget: Budgets["memory"]) => number,
): Array<[Labels, number]> {
  return [
    [{ of: "memory" }, read(memory)],
    [{ of: "disk" }, read(disk)],
  ];
}
