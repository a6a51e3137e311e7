import type { EngineLoad } from "../../index.js";
import { addProcessMetrics } from "./process-metrics.js";
import { type Counter, type Histogram, Registry } from "./registry.js";

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
  load(): EngineLoad | undefined;
  isServing(): boolean;
  identity(): Identity | undefined;
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
  readonly #stopProcessMetrics: () => void;

  constructor() {
    const registry = this.#registry;
    this.#requests = registry.counter("agora_requests_total", "Calls that ended, by method and outcome.");
    this.#requestSeconds = registry.histogram(
      "agora_request_duration_seconds",
      "Time of calls from their headers to their end, by method.",
      SECONDS,
    );
    this.#queueSeconds = registry.histogram(
      "agora_queue_seconds",
      "Time that received recordings waited for a worker.",
      SECONDS,
    );
    this.#processingSeconds = registry.histogram(
      "agora_processing_seconds",
      "Time that workers took for recordings they finished.",
      SECONDS,
    );
    this.#realTimeFactor = registry.histogram(
      "agora_real_time_factor",
      "Processing time per second of audio, of finished recordings; below 1 is faster than it was spoken.",
      REAL_TIME_FACTORS,
    );
    this.#audioSeconds = registry.counter("agora_audio_seconds_total", "Audio of finished recordings.");
    this.#uploadBytes = registry.counter("agora_upload_bytes_total", "Bytes of recordings received.");
    this.#stopProcessMetrics = addProcessMetrics(registry);
  }

  /** Adds what is not counted but looked up. */
  observe({ openCalls, running, waiting, unread, load, isServing, identity }: Observed): void {
    const registry = this.#registry;
    registry.gauge("agora_open_calls", "Calls that are open.", openCalls);
    registry.gauge("agora_queue_length", "Requests that wait: unread, or received and for a worker.", () => [
      [{ stage: "unread" }, unread()],
      [{ stage: "worker" }, waiting()],
    ]);
    registry.gauge("agora_workers_busy", "Recordings that are being transcribed.", running);
    registry.gauge("agora_batch_windows", "Windows in the engine's batch, and waiting for it.", () => {
      const now = load();
      return now
        ? [
            [{ state: "running" }, now.running],
            [{ state: "waiting" }, now.waiting],
          ]
        : [];
    });
    registry.gauge("agora_batch_capacity", "Most windows in a batch.", () => load()?.capacity);
    registry.gauge("agora_serving", "1 when calls are accepted, 0 while loading and shutting down.", () =>
      Number(isServing()),
    );
    registry.gauge("agora_info", "What serves.", () => {
      const who = identity();
      return who ? [[{ ...who }, 1]] : [];
    });
  }

  ended(method: string, outcome: string, seconds: number): void {
    this.#requests.increase(1, { method, outcome });
    this.#requestSeconds.observe(seconds, { method });
  }

  received(bytes: number): void {
    this.#uploadBytes.increase(bytes);
  }

  /** A received recording got its worker. */
  started(queued: number): void {
    this.#queueSeconds.observe(queued);
  }

  /** A recording was transcribed. @param audio its seconds @param processing seconds with its worker */
  finished(audio: number, processing: number): void {
    this.#audioSeconds.increase(audio);
    this.#processingSeconds.observe(processing);
    if (audio > 0) this.#realTimeFactor.observe(processing / audio);
  }

  /** Prometheus' text format. */
  text(): string {
    return this.#registry.text();
  }

  close(): void {
    this.#stopProcessMetrics();
  }
}
