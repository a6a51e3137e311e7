import type { TranscriptionError } from "../../../index.js";
import { LONGEST_TIMER } from "../../timers.js";
import { Followers } from "../followers.js";
import type { FollowedEvent, Job, Submission } from "../job.js";
import type {
  Added,
  Cancelled,
  DeliveryStore,
  JobPage,
  JobQuery,
  JobStore,
  JobTally,
  JobWorker,
  Outcome,
} from "../store.js";
import { RunningAttempt } from "./running-attempt.js";
import type { Claim, SqliteOptions } from "./sqlite-jobs.js";
import { SqliteThread } from "./sqlite-thread.js";

/** Events that are read at once. */
const PAGE = 200;
/** Milliseconds between two tries of what the disk did not take. */
const AGAIN = 1000;

/** Jobs of one server, in an SQLite file that it has for itself. */
export class SqliteStore implements JobStore {
  readonly #thread: SqliteThread;
  readonly #followers = new Followers();
  /** What is under way, by job. */
  readonly #running = new Map<string, RunningAttempt>();
  #worker: JobWorker | undefined;
  #listener: ((job: Job) => void) | undefined;
  #isPaused = false;
  /** The look for jobs that is under way, and whether there is to be another. */
  #looking: Promise<void> | undefined;
  #lookAgain = false;
  #timer: NodeJS.Timeout | undefined;
  #onRest: (() => void)[] = [];

  private constructor(thread: SqliteThread) {
    this.#thread = thread;
  }

  /**
   * Opens or makes the file, and queues again what was under way when its last process ended.
   * @param onTrouble hears of each failure that is the file's
   * @returns the store, and the jobs that were set aside since their processes have ended too often
   * @throws TranscriptionError STORAGE_FAILED
   */
  static async open(
    options: SqliteOptions,
    onTrouble: (error: TranscriptionError) => void,
  ): Promise<{ store: SqliteStore; setAside: Job[] }> {
    const thread = await SqliteThread.open(options, onTrouble);
    try {
      const setAside = await thread.call("recover", Date.now());
      return { store: new SqliteStore(thread), setAside };
    } catch (error) {
      await thread.close();
      throw error;
    }
  }

  async add(submission: Submission): Promise<Added> {
    const added = await this.#thread.call("add", submission);
    if (added.isNew) this.#look();
    return added;
  }

  get(id: string): Promise<Job | undefined> {
    return this.#thread.call("get", id);
  }

  list(query: JobQuery): Promise<JobPage> {
    return this.#thread.call("list", query);
  }

  async cancel(id: string): Promise<Cancelled | undefined> {
    const cancelled = await this.#thread.call("cancel", id, Date.now());
    if (cancelled?.isCancelled) {
      const attempt = this.#running.get(id);
      attempt?.leave();
      this.#ended(cancelled.job);
    }
    return cancelled;
  }

  consume(worker: JobWorker): void {
    this.#worker = worker;
    this.#look();
  }

  onEnd(listener: (job: Job) => void): void {
    this.#listener = listener;
  }

  /** One process has the file for itself: it finds at its start what its last one has left. */
  watch(): void {}

  async pause(): Promise<void> {
    this.#isPaused = true;
    clearTimeout(this.#timer);
    await this.#looking;
    if (this.#running.size > 0) await new Promise<void>((resolve) => this.#onRest.push(resolve));
  }

  follow(id: string, after: number, signal: AbortSignal): AsyncIterable<FollowedEvent> {
    return this.#followers.follow(id, after, signal, async (last) => {
      const { events, isEnd } = await this.#thread.call("events", id, last, PAGE);
      return { events, isEnd, hasMore: events.length === PAGE };
    });
  }

  tally(): Promise<JobTally> {
    return this.#thread.call("tally");
  }

  async expire(now: number, deleteFiles: (job: Job) => Promise<void>): Promise<void> {
    for (const job of await this.#thread.call("expired", now)) {
      try {
        await deleteFiles(job);
        await this.#thread.call("forget", job.id);
      } catch {
        // At the next look; it keeps no other from being forgotten.
        continue;
      }
      this.#followers.wake(job.id);
    }
  }

  async recordingsInUse(): Promise<Set<string>> {
    return new Set(await this.#thread.call("recordingsInUse"));
  }

  async known(ids: readonly string[]): Promise<Set<string>> {
    return new Set(await this.#thread.call("known", ids));
  }

  readonly deliveries: DeliveryStore = {
    // They stay due until they are settled.
    due: (now, limit, onTheirWay) => this.#thread.call("due", now, limit + onTheirWay),
    next: (now) => this.#thread.call("nextDelivery", now),
    settle: (id, isDelivered, retryAt) => this.#thread.call("settleDelivery", id, isDelivered, retryAt),
  };

  async close(): Promise<void> {
    await this.pause();
    this.#followers.wakeAll();
    await this.#thread.close();
  }

  /** Looks for jobs to begin, after the look that is under way, if one is. */
  #look(): void {
    if (this.#isPaused || !this.#worker) return;
    clearTimeout(this.#timer);
    if (this.#looking) {
      this.#lookAgain = true;
      return;
    }
    this.#looking = this.#begin(this.#worker).finally(() => {
      this.#looking = undefined;
      if (!this.#lookAgain) return;
      this.#lookAgain = false;
      this.#look();
    });
  }

  async #begin(worker: JobWorker): Promise<void> {
    // Those whose time came before have their turn when one ends that is under way.
    let now = Date.now();
    try {
      while (!this.#isPaused && this.#running.size < worker.concurrency) {
        now = Date.now();
        const claim = await this.#thread.call("claim", now);
        if (!claim) break;
        void this.#run(worker, claim);
      }
      const due = await this.#thread.call("nextDue", now);
      if (due !== undefined) this.#lookIn(due - Date.now());
    } catch {
      // Told to all who ask; it may be better soon.
      this.#lookIn(AGAIN);
    }
  }

  #lookIn(milliseconds: number): void {
    if (this.#isPaused) return;
    clearTimeout(this.#timer);
    const wait = Math.min(Math.max(milliseconds, AGAIN / 10), LONGEST_TIMER);
    this.#timer = setTimeout(() => this.#look(), wait).unref();
  }

  async #run(worker: JobWorker, { claim, job }: Claim): Promise<void> {
    const { id } = job;
    const attempt = new RunningAttempt((events, progress, live) => {
      if (live) this.#followers.progress(id, live);
      if (events.length === 0 && !progress) return Promise.resolve(true);
      return this.#thread.call("note", id, claim, events, progress, Date.now()).then((isOurs) => {
        if (events.length > 0) this.#followers.wake(id);
        return isOurs;
      });
    });
    this.#running.set(id, attempt);
    this.#followers.wake(id);
    // Told to stop while the file was asked for it: nobody waits for what begins now.
    const outcome: Outcome = this.#isPaused ? { type: "returned" } : await worker.run(job, attempt);
    await attempt.end();
    const settled = await this.#settle(id, claim, outcome);
    this.#running.delete(id);
    if (settled) this.#ended(settled);
    else this.#followers.wake(id);
    if (this.#running.size === 0) for (const resolve of this.#onRest.splice(0)) resolve();
    this.#look();
  }

  /** Says what came of an attempt, as often as it takes: what was done is not done again for a full disk. */
  async #settle(id: string, claim: number, outcome: Outcome): Promise<Job | undefined> {
    for (let said = outcome; ; ) {
      try {
        return await this.#thread.call("settle", id, claim, said, Date.now());
      } catch (error) {
        // As it is, the job is begun again after the next start.
        if (this.#isPaused) return undefined;
        const { code, message } = error as TranscriptionError;
        // What can never be written is said otherwise.
        if (code !== "STORAGE_FAILED") said = { type: "failed", error: { code, message } };
        await new Promise((resolve) => setTimeout(resolve, AGAIN));
      }
    }
  }

  /** Has everybody know of a job that has changed. */
  #ended(job: Job): void {
    this.#followers.wake(job.id);
    if (job.finishedAt !== undefined) this.#listener?.(job);
  }
}
