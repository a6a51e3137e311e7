import { type Segment, TranscriptionError } from "../../../index.js";
import { Followers } from "../followers.js";
import {
  type FollowedEvent,
  isFinished,
  JOB_STATUSES,
  type Job,
  type JobProgress,
  type KeptEvent,
  type Submission,
} from "../job.js";
import type {
  Added,
  Cancelled,
  DeliveryStore,
  JobPage,
  JobQuery,
  JobStore,
  JobTally,
  JobWorker,
} from "../store.js";
import { type Broker, TOLD } from "./broker.js";
import { BrokerDeliveries } from "./broker-deliveries.js";
import { changeRecord, patiently } from "./change.js";
import { Consumer } from "./consumer.js";
import { Lost } from "./lost.js";
import { JOB_NAME, queuedData, queuedOptions } from "./queued-data.js";
import { ended, type JobRecord, maxCrashes, newRecord } from "./record.js";

/** Milliseconds after which who follows jobs, and who sends webhooks, looks by itself: what it was told may not have reached it. */
const LOOK_EVERY = 10_000;
/** Jobs that are forgotten at once. */
const FORGOTTEN = 1000;

export interface BrokerOptions {
  /** Jobs that may wait, and what is said to those for whom there is no room. */
  maxWaiting: number;
  full: string;
  /** Bytes of their recordings, and what is said to those for whom there is no room. */
  maxBytes: number;
  fullOfBytes: string;
  maxAttempts: number;
  /** Seconds that a job is kept when it has ended. */
  ttl: number;
  /** Seconds without a sign of life after which a worker's jobs are others'. */
  lock: number;
  /** What is said in a recording, from its result: no text is in the broker. */
  segmentsOf(id: string): Promise<readonly Segment[]>;
  onTrouble(error: TranscriptionError): void;
}

/** Jobs of many servers and workers, in a queue that people already run. */
export class BrokerStore implements JobStore {
  readonly deliveries: DeliveryStore;
  readonly #broker: Broker;
  readonly #options: BrokerOptions;
  readonly #followers = new Followers();
  readonly #lost: Lost;
  readonly #timer: NodeJS.Timeout;
  #consumer: Consumer | undefined;
  #listener: ((job: Job) => void) | undefined;
  #onElsewhere: (() => void) | undefined;

  constructor(broker: Broker, options: BrokerOptions) {
    this.#broker = broker;
    this.#options = options;
    this.deliveries = new BrokerDeliveries(broker.ledger);
    this.#lost = new Lost(broker, options.lock, (record) => this.#changed(record), options.onTrouble);
    this.#listen();
    this.#timer = setInterval(() => {
      this.#followers.wakeAll();
      this.#onElsewhere?.();
    }, LOOK_EVERY).unref();
  }

  async add(submission: Submission): Promise<Added> {
    const { full, maxAttempts, maxWaiting, ttl } = this.#options;
    const { ledger } = this.#broker;
    await this.#requireRoom(submission);
    const record = newRecord(submission, maxAttempts, ttl);
    let tries = 0;
    const create = () => {
      tries++;
      return ledger.create(record, maxWaiting);
    };
    const created = await patiently(create, () => true);
    if (!created) throw new TranscriptionError("QUEUE_FULL", full);
    const { record: kept } = created;
    // One that is kept, and whose keeper did not live to say so, was not there before.
    const isNew = created.isNew || (tries > 1 && isSame(kept.job, submission));
    // Also where it was there: whoever has added it may have ended before it was queued. It is kept, and so it is accepted,
    // and may have been queued although nobody has said so: where it was not, it is missed, and queued later.
    if (kept.job.status === "queued") await this.#enqueue(kept, isNew).catch(() => {});
    return { job: kept.job, isNew };
  }

  async get(id: string): Promise<Job | undefined> {
    return (await this.#broker.ledger.get(id))?.job;
  }

  async list({ after, limit, statuses }: JobQuery): Promise<JobPage> {
    const { ledger } = this.#broker;
    const below = after === undefined ? undefined : (await ledger.get(after))?.number;
    if (after !== undefined && below === undefined) {
      const message = `Expected the id of a job that is still kept for after but received ${JSON.stringify(after.slice(0, 50))}`;
      throw new TranscriptionError("INVALID_ARGUMENT", message, { option: "after" });
    }
    const wanted = statuses.length === 0 ? JOB_STATUSES : statuses;
    const records = await ledger.list({ statuses: wanted, below, limit: limit + 1 });
    return { jobs: records.slice(0, limit).map(({ job }) => job), hasMore: records.length > limit };
  }

  async cancel(id: string): Promise<Cancelled | undefined> {
    const changed = await changeRecord(this.#broker.ledger, id, (record) =>
      isFinished(record.job.status) ? undefined : ended(record, "cancelled", Date.now()),
    );
    if (!changed) {
      const job = await this.get(id);
      return job && { job, isCancelled: false };
    }
    // One that is worked on cannot be removed: its worker hears of it, and so does one that is handed it later.
    await this.#broker.queue.remove(id).catch(() => {});
    this.#changed(changed.after);
    return { job: changed.after.job, isCancelled: true };
  }

  consume(worker: JobWorker): void {
    const { lock, maxAttempts, onTrouble } = this.#options;
    this.#consumer ??= new Consumer({
      broker: this.#broker,
      worker,
      lock,
      maxCrashes: maxCrashes(maxAttempts),
      onChange: (record) => this.#changed(record),
      onTrouble,
    });
  }

  onEnd(listener: (job: Job) => void, onElsewhere?: () => void): void {
    this.#listener = listener;
    this.#onElsewhere = onElsewhere;
  }

  watch(): void {
    this.#lost.watch();
  }

  async pause(): Promise<void> {
    await this.#consumer?.pause();
  }

  follow(id: string, after: number, signal: AbortSignal): AsyncIterable<FollowedEvent> {
    return this.#followers.follow(id, after, signal, async (last) => {
      const record = await this.#broker.ledger.get(id);
      const events = record ? await this.#eventsOf(record) : [];
      const isEnd = !record || isFinished(record.job.status);
      return { events: events.filter(({ number }) => number > last), isEnd, hasMore: false };
    });
  }

  tally(): Promise<JobTally> {
    return this.#broker.ledger.tally();
  }

  async expire(now: number, deleteFiles: (job: Job) => Promise<void>): Promise<void> {
    const { ledger, queue } = this.#broker;
    for (const record of await ledger.expired(now, FORGOTTEN)) {
      const { id } = record.job;
      try {
        // Another server may have forgotten it meanwhile, and its key may have come again: those files are not its own.
        if ((await ledger.get(id))?.number !== record.number) continue;
        await deleteFiles(record.job);
        if (!(await ledger.remove(record))) continue;
      } catch {
        // At the next look; it keeps no other from being forgotten.
        continue;
      }
      await queue.remove(id).catch(() => {});
      this.#followers.wake(id);
    }
  }

  async recordingsInUse(): Promise<Set<string>> {
    const ids = new Set<string>();
    for await (const { error, recording, request, status } of this.#jobs()) {
      if (status === "failed" && error?.code !== "CRASHED") continue;
      if (!recording.isKept) ids.add(recording.id);
      for (const { recordingId } of request.knownSpeakers ?? []) ids.add(recordingId);
    }
    return ids;
  }

  async known(ids: readonly string[]): Promise<Set<string>> {
    const known = new Set<string>();
    for (const id of ids) if (await this.#broker.ledger.get(id)) known.add(id);
    return known;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#lost.close();
    await this.#consumer?.close();
    this.#followers.wakeAll();
    await this.#broker.close();
  }

  async *#jobs(): AsyncGenerator<Job, void> {
    for (let below: number | undefined; ; ) {
      const statuses = ["queued", "running", "failed"] as const;
      const records = await this.#broker.ledger.list({ statuses, below, limit: FORGOTTEN });
      for (const { job } of records) yield job;
      below = records.at(-1)?.number;
      if (records.length < FORGOTTEN) return;
    }
  }

  async #requireRoom({ id, recording: { bytes = 0 } }: Submission): Promise<void> {
    const { fullOfBytes, maxBytes } = this.#options;
    if (!Number.isFinite(maxBytes)) return;
    const { waitingBytes } = await this.tally();
    if (waitingBytes + bytes <= maxBytes || (await this.get(id))) return;
    throw new TranscriptionError("QUEUE_FULL", fullOfBytes);
  }

  /** @param isNew what the queue remembers of a job of the same id is of one that is forgotten here */
  async #enqueue({ job, maxAttempts }: JobRecord, isNew: boolean): Promise<void> {
    const { attempt, queue } = this.#broker;
    if (isNew) await attempt(queue.remove(job.id));
    await attempt(queue.add(JOB_NAME, queuedData(job), queuedOptions(job, maxAttempts)));
  }

  #listen(): void {
    const events = this.#broker.events();
    events.on("progress", ({ data, jobId }) =>
      this.#followers.progress(jobId, data as unknown as JobProgress),
    );
    events.on("failed", ({ failedReason, jobId }) => void this.#lost.failed(jobId, failedReason));
    events.on(
      TOLD as never,
      (({ id, status }: { id: string; status: string }) => {
        this.#followers.wake(id);
        this.#consumer?.heard(id);
        if (isFinished(status as Job["status"])) this.#onElsewhere?.();
      }) as never,
    );
  }

  /** Has everybody know of a job that was changed here. */
  #changed({ job }: JobRecord): void {
    this.#followers.wake(job.id);
    if (isFinished(job.status)) {
      this.#listener?.(job);
      this.#consumer?.heard(job.id);
    }
    void this.#broker.tell({ id: job.id, status: job.status });
  }

  /** All that has happened to a job; what was said in it comes before its end, from its result. */
  async #eventsOf({ events, job }: JobRecord): Promise<KeptEvent[]> {
    const isDone = job.status === "succeeded";
    const segments = isDone ? await this.#options.segmentsOf(job.id) : [];
    const said = segments.map((segment) => ({ type: "segment" as const, segment, at: job.finishedAt ?? 0 }));
    const all = isDone ? [...events.slice(0, -1), ...said, ...events.slice(-1)] : events;
    return all.map((event, index) => ({ ...event, number: index + 1 }) as KeptEvent);
  }
}

/** Whether a job is what was submitted, and not its like that somebody else has submitted by the same key. */
function isSame({ createdAt, recording, requestId }: Job, submission: Submission): boolean {
  return (
    createdAt === submission.createdAt &&
    requestId === submission.requestId &&
    recording.id === submission.recording.id
  );
}
