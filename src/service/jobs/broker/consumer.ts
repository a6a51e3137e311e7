import { setTimeout as sleep } from "node:timers/promises";
import type { Job as QueuedJob, Worker } from "bullmq";
import { TranscriptionError } from "../../../index.js";
import { within } from "../../timers.js";
import { isFinished, NotWanted } from "../job.js";
import type { JobWorker, Outcome } from "../store.js";
import type { Broker } from "./broker.js";
import { changeRecord } from "./change.js";
import type { QueuedData } from "./queued-data.js";
import { begun, type JobRecord, RECORD_VERSION, settled } from "./record.js";
import { RunningJob } from "./running-job.js";

/** Milliseconds between two tries of what the broker did not take. */
const AGAIN = 500;
/** Milliseconds for which a job of a newer version is left to workers that know it. */
const REFUSED = 10_000;
/** What the queue is told of a job that is not this worker's any more. */
const TAKEN = "Somebody else has the job now";
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
    this.#worker = broker.worker(
      // It is given a signal where it names one, and no default.
      (queued: QueuedJob<QueuedData>, token, signal) => this.#process(queued, token!, signal!),
      {
        concurrency: worker.concurrency,
        lockDuration: milliseconds,
        stalledInterval: milliseconds,
        maxStalledCount: maxCrashes,
        runRetryDelay: AGAIN,
      },
    );
    // Somebody else will have them: what still runs here would be in vain, and be handed out here again beside itself.
    this.#worker.on("lockRenewalFailed", (ids) => {
      for (const id of ids) this.#worker.cancelJob(id);
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
  async #process(queued: QueuedJob<QueuedData>, token: string, signal: AbortSignal): Promise<unknown> {
    const id = queued.id!;
    if (queued.data.v > RECORD_VERSION) return this.#refuse(queued, token);
    // Its lock was lost, and the run of before is about to end.
    for (let before = this.#running.get(id); before; before = this.#running.get(id)) await before.ended;
    if (this.#isPaused || this.#alone !== undefined) return this.#handBack(queued, token);
    // Whoever has ended one worker may end this one: no other job is to end with it.
    const isAlone = this.#options.maxCrashes > 0 && queued.stalledCounter >= this.#options.maxCrashes;
    const running: Running = { attempt: undefined, ended: Promise.resolve() };
    const others = [...this.#running.values()];
    const work = async () => {
      if (isAlone) await this.#ended(...others);
      if (signal.aborted) throw new Error(TAKEN);
      // Told to stop while it waited for the others: nobody waits for what begins now.
      if (this.#isPaused) return this.#handBack(queued, token);
      return this.#work(queued, token, signal, running);
    };
    if (isAlone) {
      this.#alone = id;
      await this.#worker.pause(true);
    }
    const working = work();
    running.ended = working.catch(() => {});
    this.#running.set(id, running);
    try {
      return await working;
    } finally {
      this.#running.delete(id);
      if (isAlone) {
        this.#alone = undefined;
        if (!this.#isPaused) await this.#worker.resume();
      }
    }
  }

  async #work(
    queued: QueuedJob<QueuedData>,
    token: string,
    signal: AbortSignal,
    running: Running,
  ): Promise<unknown> {
    const { broker, onChange, worker } = this.#options;
    const record = await this.#persist(signal, () => this.#begin(queued.id!));
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
      await this.#giveBack(record);
      throw new Error(TAKEN);
    }
    const after = await this.#persist(signal, () => this.#settle(record, outcome));
    if (!after) return undefined;
    onChange(after);
    return this.#answer(queued, token, after, outcome);
  }

  /** Has an attempt not count whose worker lives, and that nobody else has begun yet: what ended it was the queue. */
  async #giveBack(record: JobRecord): Promise<void> {
    const settle = () => this.#settle(record, { type: "returned" });
    const after = await this.#persist(undefined, settle).catch(() => undefined);
    if (after) this.#options.onChange(after);
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

  async #begin(id: string): Promise<JobRecord | undefined> {
    const changed = await changeRecord(this.#options.broker.ledger, id, (record) =>
      isFinished(record.job.status) ? undefined : begun(record, Date.now()),
    );
    return changed?.after;
  }

  async #settle({ claim, job }: JobRecord, outcome: Outcome): Promise<JobRecord | undefined> {
    const changed = await changeRecord(this.#options.broker.ledger, job.id, (record) =>
      record.claim === claim && record.job.status === "running"
        ? settled(record, outcome, Date.now())
        : undefined,
    );
    return changed?.after;
  }

  /**
   * Does `work` as often as it takes, until this worker stops: what was done is not done again for a broker that is away.
   * @param signal fires when the job is not this worker's any more; undefined: it need not be
   */
  async #persist<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (signal?.aborted || this.#isPaused || TranscriptionError.from(error).code !== "STORAGE_FAILED")
          throw error;
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
