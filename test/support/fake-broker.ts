import { EventEmitter } from "node:events";
import type { Processor, WorkerOptions } from "bullmq";
import { TranscriptionError } from "../../src/errors.js";
import type { Broker } from "../../src/service/jobs/broker/broker.js";
import type { Ledger } from "../../src/service/jobs/broker/ledger.js";
import { forgottenAt, type JobRecord, newRecord } from "../../src/service/jobs/broker/record.js";
import { isFinished, JOB_STATUSES, type Submission } from "../../src/service/jobs/job.js";

/** A ledger in memory, of what does not list. */
export class FakeLedger {
  readonly records = new Map<string, JobRecord>();
  /** Settles before anything is replaced; a rejection is what becomes of that. */
  beforeReplace: (record: JobRecord) => Promise<void> = async () => {};
  /** Settles when something was replaced or created; a rejection is what is answered. */
  afterChange: (record: JobRecord) => Promise<void> = async () => {};

  async create(record: JobRecord): Promise<{ record: JobRecord; isNew: boolean }> {
    const { id } = record.job;
    const kept = this.records.get(id);
    const number = this.records.size + 1;
    if (!kept) this.records.set(id, { ...record, number, version: 1 });
    await this.afterChange(record);
    return { record: this.records.get(id)!, isNew: !kept };
  }

  async get(id: string): Promise<JobRecord | undefined> {
    return this.records.get(id);
  }

  async replace(record: JobRecord): Promise<JobRecord | undefined> {
    const { id } = record.job;
    await this.beforeReplace(record);
    if (this.records.get(id)?.version !== record.version) return undefined;
    const after = { ...record, version: record.version + 1 };
    this.records.set(id, after);
    await this.afterChange(after);
    return after;
  }

  async remove({ job: { id }, version }: JobRecord): Promise<boolean> {
    return this.records.get(id)?.version === version && this.records.delete(id);
  }

  async expired(now: number): Promise<JobRecord[]> {
    return [...this.records.values()].filter((record) => (forgottenAt(record) ?? now + 1) <= now);
  }

  async due(now: number): Promise<string[]> {
    const due = [...this.records.values()].filter(({ deliverAt }) => (deliverAt ?? now + 1) <= now);
    return due.map(({ job }) => job.id);
  }

  async list(): Promise<JobRecord[]> {
    return [...this.records.values()].filter(({ job }) => !isFinished(job.status));
  }

  async tally() {
    const all = [...this.records.values()];
    const count = (wanted: string) => all.filter(({ job }) => job.status === wanted).length;
    return { jobs: Object.fromEntries(JOB_STATUSES.map((status) => [status, count(status)])) };
  }
}

/** What BullMQ says of a job that it has taken from too many workers. */
export const STALLED = "job stalled more than allowable limit";

/** A queue that hands out what a test hands it. */
export class FakeBroker {
  readonly ledger = new FakeLedger();
  readonly worker = new FakeWorker();
  readonly events = new EventEmitter();
  /** Ids of what was queued. */
  readonly added: string[] = [];
  /** A rejection is what becomes of the next that is queued. */
  beforeAdd: () => Promise<void> = async () => {};
  readonly broker: Broker;

  constructor() {
    const queue = {
      add: async (_: string, __: unknown, { jobId }: { jobId: string }) => {
        await this.beforeAdd();
        this.added.push(jobId);
      },
      remove: async () => {},
      // What it has given up it has no more.
      getJobState: async () => "failed",
      getJobCounts: async () => ({}),
      getJob: async () => ({ failedReason: STALLED }),
    };
    this.broker = {
      bullmq: { WaitingError: FakeWaitingError, UnrecoverableError: Error },
      ledger: this.ledger as unknown as Ledger,
      queue,
      tell: async () => {},
      attempt: <T>(work: Promise<T>) => work,
      events: () => this.events,
      worker: (processor: Processor, _: Omit<WorkerOptions, "connection">) => this.worker.of(processor),
      close: async () => {},
    } as unknown as Broker;
  }

  /** Keeps a job that waits. */
  async keep(id: string): Promise<void> {
    await this.ledger.create(newRecord(submissionOf(id), 2, 60));
  }
}

/** What the queue is told of a job that is given back. */
export class FakeWaitingError extends Error {
  override readonly name = "WaitingError";
}

export class FakeWorker extends EventEmitter {
  #processor!: Processor;
  /** Tokens of the locks that are held, by job. */
  readonly #locks = new Map<string, string>();
  #handed = 0;
  /** Ids of what was given back. */
  readonly returned: string[] = [];
  /** Tokens of the locks that were renewed, or were to be. */
  readonly renewed: string[] = [];

  of(processor: Processor): this {
    this.#processor = processor;
    return this;
  }

  /** Hands a job out, by a lock of its own. @param stalledCounter times that it was handed out to one who has lost it */
  hand(id: string, stalledCounter = 0): Promise<unknown> {
    const token = `lock ${++this.#handed}`;
    this.#locks.set(id, token);
    const queued = {
      id,
      data: { v: 1 },
      stalledCounter,
      moveToWait: async () => void this.returned.push(id),
      updateProgress: async () => {},
    };
    return Promise.resolve(this.#processor(queued as never, token));
  }

  /** Its lock was not renewed in time. */
  lose(id: string): void {
    this.#locks.delete(id);
  }

  async extendJobLocks(ids: string[], tokens: string[]): Promise<string[]> {
    this.renewed.push(...tokens);
    return ids.filter((id, index) => this.#locks.get(id) !== tokens[index]);
  }

  async pause(): Promise<void> {}
  async resume(): Promise<void> {}
  async close(): Promise<void> {}
}

export function submissionOf(id: string, others: Partial<Submission> = {}): Submission {
  return {
    id,
    createdAt: 0,
    priority: "bulk",
    recording: { id: `rec_${id}`, isKept: false, filename: "", bytes: 1, sha256: undefined },
    request: { options: {} },
    answer: {},
    metadata: undefined,
    webhook: undefined,
    fingerprint: undefined,
    requestId: "",
    peer: "",
    ...others,
  };
}

export function away(): TranscriptionError {
  return new TranscriptionError("STORAGE_FAILED", "The queue is away");
}
