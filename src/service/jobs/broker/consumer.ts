import { setTimeout as sleep } from "node:timers/promises";
import type { Job as QueuedJob, Worker } from "bullmq";
import { TranscriptionError } from "../../../index.js";
import { within } from "../../timers.js";
import { isFinished, NotWanted } from "../job.js";
import type { JobWorker, Outcome } from "../store.js";
import type { Broker } from "./broker.js";
import { Change, type Changed } from "./change.js";
import { HeldLock } from "./held-lock.js";
import type { QueuedData } from "./queued-data.js";
import { begun, crashesOf, givenBack, isTooMany, type JobRecord, RECORD_VERSION, settled } from "./record.js";
import { RunningJob } from "./running-job.js";

/** Milliseconds between two tries of what the broker did not take. */
const AGAIN = 500;
/** Milliseconds for which a job of a newer version is left to workers that know it. */
const REFUSED = 10_000;
/** What the queue is told of a job that is not this worker's any more. */
const TAKEN = "Somebody else has the job now";
/** What it is told of one in whose course too many workers have ended. */
const TOO_MANY = "job stalled more than allowable limit";
/** Seconds that closing waits for a broker that is away. */
const CLOSING = 5;

export interface ConsumerOptions {
  broker: Broker;
  worker: JobWorker;
  /** Seconds without a sign of life after which a worker's jobs are others'. */
  lock: number;
  /** Times that a job is begun again whose worker has ended in its course. */
  maxCrashes: number;
  /** Called with a job whenever this worker has changed it. */
  onChange: (record: JobRecord) => void;
  /** Called with what the operator should know. */
  onTrouble: (error: TranscriptionError) => void;
}

interface Running {
  attempt: RunningJob | undefined;
  ended: Promise<unknown>;
}

/**
 * Works on jobs of the queue. The queue says who has a job, by locks that end with a worker's signs of life; the ledger says what
 * has become of it: an attempt that has lost its job changes nothing.
 */
export class Consumer {
  readonly #options: ConsumerOptions;
  readonly #worker: Worker<QueuedData>;
  readonly #running = new Map<string, Running>();
  /** The job that is to have this process for itself. */
  #alone: string | undefined;
  #isPaused = false;

  constructor(options: ConsumerOptions) {
    this.#options = options;
    const { broker, lock, maxCrashes, worker } = options;
    const milliseconds = lock * 1000;
    this.#worker = broker.worker((queued: QueuedJob<QueuedData>, token) => this.#process(queued, token!), {
      concurrency: worker.concurrency,
      lockDuration: milliseconds,
      // Each run renews its own.
      skipLockRenewal: true,
      stalledInterval: milliseconds,
      maxStalledCount: maxCrashes,
      runRetryDelay: AGAIN,
    });
  }

  /** What others have said of a job: whether it is still to be worked on is looked up where it is. */
  heard(id: string): void {
    this.#running
      .get(id)
      ?.attempt?.check()
      .catch(() => {});
  }

  /** Takes no more; resolves when nothing is under way. */
  async pause(): Promise<void> {
    this.#isPaused = true;
    await this.#worker.pause(true);
    while (this.#running.size > 0) await this.#ended(...this.#running.values());
  }

  async close(): Promise<void> {
    await this.pause();
    if (
      !(await within(
        this.#worker.close().catch(() => {}),
        CLOSING,
      ))
    )
      await within(
        this.#worker.close(true).catch(() => {}),
        CLOSING,
      );
  }

  /** What the queue calls for each job that it hands out. A rejection is what becomes of the job there. */
  async #process(queued: QueuedJob<QueuedData>, token: string): Promise<unknown> {
    const id = queued.id!;
    if (queued.data.v > RECORD_VERSION) return this.#refuse(queued, token);
    const lock = this.#lockOf(id, token);
    try {
      // Its lock was lost, and the run of before is about to end.
      for (let before = this.#running.get(id); before; before = this.#running.get(id)) await before.ended;
      if (this.#isPaused || this.#alone !== undefined) return await this.#handBack(queued, token);
      const running: Running = { attempt: undefined, ended: Promise.resolve() };
      const working = this.#run(queued, token, lock, running);
      running.ended = working.catch(() => {});
      this.#running.set(id, running);
      try {
        return await working;
      } finally {
        this.#running.delete(id);
      }
    } finally {
      lock.release();
    }
  }

  #lockOf(id: string, token: string): HeldLock {
    const { broker, lock } = this.#options;
    const milliseconds = lock * 1000;
    const renew = async () => {
      const lost = await broker.attempt(this.#worker.extendJobLocks([id], [token], milliseconds));
      return !lost.includes(id);
    };
    return new HeldLock(renew, milliseconds);
  }

  async #run(
    queued: QueuedJob<QueuedData>,
    token: string,
    lock: HeldLock,
    running: Running,
  ): Promise<unknown> {
    if (!(await this.#mustBeAlone(queued, lock.signal))) return this.#work(queued, token, lock, running);
    if (this.#alone !== undefined) return this.#handBack(queued, token);
    this.#alone = queued.id;
    try {
      await this.#worker.pause(true);
      await this.#ended(...[...this.#running.values()].filter((each) => each !== running));
      return await this.#work(queued, token, lock, running);
    } finally {
      this.#alone = undefined;
      if (!this.#isPaused) await this.#worker.resume();
    }
  }

  /**
   * Whether a worker has ended in its course: it may end this one, and no other job is to end with it. That the queue has taken
   * it from a worker is no sign of that by itself.
   */
  async #mustBeAlone({ id }: QueuedJob<QueuedData>, signal: AbortSignal): Promise<boolean> {
    const { broker, maxCrashes } = this.#options;
    if (maxCrashes === 0) return false;
    const record = await this.#persist(signal, () => broker.ledger.get(id!));
    return record !== undefined && crashesOf(record) >= maxCrashes;
  }

  async #work(
    queued: QueuedJob<QueuedData>,
    token: string,
    lock: HeldLock,
    running: Running,
  ): Promise<unknown> {
    const { broker, onChange, worker } = this.#options;
    const { signal } = lock;
    if (signal.aborted) throw new Error(TAKEN);
    // Told to stop while it waited for the others: nobody waits for what begins now.
    if (this.#isPaused) return this.#handBack(queued, token);
    const record = await this.#begin(queued.id!, signal);
    if (!record && signal.aborted) throw new Error(TAKEN);
    // It has ended, or was forgotten, while it waited in the queue.
    if (!record) return undefined;
    onChange(record);
    const attempt = new RunningJob(record, queued, broker.ledger);
    running.attempt = attempt;
    const leave = () => attempt.leave(new NotWanted(false));
    signal.addEventListener("abort", leave, { once: true });
    if (signal.aborted) leave();
    const outcome: Outcome = this.#isPaused ? { type: "returned" } : await worker.run(record.job, attempt);
    attempt.end();
    await attempt.noted();
    signal.removeEventListener("abort", leave);
    const isLost = attempt.signal.aborted;
    // What is done is done, whoever else would do it again.
    if (isLost && outcome.type !== "succeeded") {
      if ((attempt.signal.reason as NotWanted).isCancelled) return undefined;
      // One in which nothing goes on is as good as ended, whatever it is that has stopped it.
      if (!lock.wasStuck) await this.#giveBack(record);
      throw new Error(TAKEN);
    }
    const after = await this.#settle(record, outcome);
    if (!after) return undefined;
    onChange(after);
    return this.#answer(queued, token, after, outcome);
  }

  /** Has an attempt not count whose worker lives: what ended it was the queue. */
  async #giveBack({ claim, job }: JobRecord): Promise<void> {
    const change = new Change(this.#options.broker.ledger, job.id, (record) =>
      givenBack(record, claim, Date.now()),
    );
    const changed = await this.#made(change).catch(() => undefined);
    if (changed) this.#options.onChange(changed.after);
  }

  /** What the queue is told of a job that the ledger knows all about. */
  async #answer(queued: QueuedJob, token: string, { job }: JobRecord, outcome: Outcome): Promise<unknown> {
    switch (outcome.type) {
      case "succeeded":
        return { ...outcome.summary };
      case "returned":
        return this.#handBack(queued, token);
      default: {
        const { UnrecoverableError } = this.#options.broker.bullmq;
        const { code, message } = outcome.error;
        if (isFinished(job.status)) throw new UnrecoverableError(`${code}: ${message}`);
        throw new Error(`${code}: ${message}`);
      }
    }
  }

  async #begin(id: string, signal: AbortSignal): Promise<JobRecord | undefined> {
    const { bullmq, ledger } = this.#options.broker;
    const change = new Change(ledger, id, (record) => {
      if (isFinished(record.job.status) || signal.aborted) return undefined;
      // As the queue says it of those that it counts itself: see Lost, which leaves it the time to be given back.
      if (isTooMany(record)) throw new bullmq.UnrecoverableError(TOO_MANY);
      return begun(record, Date.now());
    });
    return (await this.#made(change))?.after;
  }

  async #settle({ claim, job }: JobRecord, outcome: Outcome): Promise<JobRecord | undefined> {
    const change = new Change(this.#options.broker.ledger, job.id, (record) =>
      record.claim === claim && record.job.status === "running"
        ? settled(record, outcome, Date.now())
        : undefined,
    );
    return (await this.#made(change))?.after;
  }

  /** What was made without an answer is made once. */
  #made(change: Change): Promise<Changed | undefined> {
    return this.#persist(undefined, () => change.make());
  }

  /**
   * Does `work` as often as it takes: what was done is not done again for a broker that is away. A worker that is told to stop
   * has it a few seconds yet.
   * @param signal fires when it is not worth while any more; undefined: it always is
   */
  async #persist<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    let end = Number.POSITIVE_INFINITY;
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (signal?.aborted || TranscriptionError.from(error).code !== "STORAGE_FAILED") throw error;
        if (this.#isPaused) end = Math.min(end, performance.now() + CLOSING * 1000);
        if (performance.now() >= end) throw error;
        await sleep(AGAIN);
      }
    }
  }

  /** Gives a job back as though it had not been taken. */
  async #handBack(queued: QueuedJob, token: string): Promise<never> {
    // Where its lock is gone, it is given back already, or will be.
    await within(
      queued.moveToWait(token).then(
        () => {},
        () => {},
      ),
      CLOSING,
    );
    throw new this.#options.broker.bullmq.WaitingError();
  }

  async #refuse(queued: QueuedJob<QueuedData>, token: string): Promise<never> {
    const { broker, onTrouble } = this.#options;
    const message = `A job of a newer version (${queued.data.v}) is left to workers that know it: update this one`;
    onTrouble(new TranscriptionError("INTERNAL", message));
    await queued.moveToDelayed(Date.now() + REFUSED, token);
    throw new broker.bullmq.DelayedError();
  }

  async #ended(...running: Running[]): Promise<void> {
    await Promise.all(running.map(({ ended }) => ended));
  }
}
