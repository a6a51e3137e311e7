import type { Job as QueuedJob } from "bullmq";
import { type JobProgress, NotWanted } from "../job.js";
import type { Attempt } from "../store.js";
import type { Ledger } from "./ledger.js";
import type { JobRecord } from "./record.js";

/** Milliseconds between two notes of progress. */
const NOTE_EVERY = 1000;

/** An attempt at a job of the queue. What is said in it is nobody's but the result's: no text goes to the broker. */
export class RunningJob implements Attempt {
  readonly #controller = new AbortController();
  readonly #record: JobRecord;
  readonly #queued: QueuedJob;
  readonly #ledger: Ledger;
  #latest: JobProgress | undefined;
  #timer: NodeJS.Timeout | undefined;
  #noting: Promise<void> = Promise.resolve();
  #notedAt = 0;
  #isOver = false;

  /** @param record as it was begun */
  constructor(record: JobRecord, queued: QueuedJob, ledger: Ledger) {
    this.#record = record;
    this.#queued = queued;
    this.#ledger = ledger;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  progress(progress: JobProgress): void {
    if (this.#isOver) return;
    this.#latest = progress;
    const since = performance.now() - this.#notedAt;
    this.#timer ??= setTimeout(() => this.#note(), Math.max(0, NOTE_EVERY - since));
  }

  segment(): void {}

  /** It is not to go on. */
  leave(reason: Error): void {
    this.end();
    this.#controller.abort(reason);
  }

  async check(): Promise<void> {
    const record = await this.#ledger.get(this.#record.job.id);
    if (record?.job.status === "running" && record.claim === this.#record.claim) return;
    this.leave(new NotWanted(record?.job.status === "cancelled"));
  }

  /** Nothing more is noted. */
  end(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }

  /** Resolves when what is being noted is. */
  noted(): Promise<void> {
    return this.#noting;
  }

  #note(): void {
    this.#timer = undefined;
    const progress = this.#latest;
    if (!progress || this.#isOver) return;
    this.#latest = undefined;
    this.#notedAt = performance.now();
    const { claim, job } = this.#record;
    // One after the other, and a comfort: nothing waits for a broker that is away.
    this.#noting = this.#noting
      .then(async () => {
        if (!(await this.#ledger.progress(job.id, claim, progress))) return this.check();
        // Where the queue is away just now that waits until it is back.
        this.#queued.updateProgress({ ...progress }).catch(() => {});
      })
      .catch(() => {});
  }
}
