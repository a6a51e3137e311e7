import {
  CRASHED,
  type FinishedStatus,
  isFinished,
  type Job,
  type JobError,
  type JobEvent,
  type JobSummary,
  type Submission,
} from "../job.js";
import type { Outcome } from "../store.js";

/** Version of what is written here: who knows an older one alone leaves a job to others. */
export const RECORD_VERSION = 1;
const DAY = 24 * 60 * 60 * 1000;

/** Something that has happened to a job. Segments are not among it: what is said is in the result alone. */
export type RecordedEvent = Exclude<JobEvent, { type: "segment" }> & { at: number };

/**
 * All that is known of a job, as the ledger keeps it: JSON, and small. It is replaced as a whole, by whoever knows the version
 * that it takes the place of, so that of two who would change it at once one does.
 */
export interface JobRecord {
  v: number;
  /** Counted from 1 with each change; 0: it is not kept yet. */
  version: number;
  /** In the order in which jobs were added; 0: it is not kept yet. */
  number: number;
  job: Job;
  /** Times that it was handed out: who has an older one works on it no more. */
  claim: number;
  /** Times that its worker ended in its course. */
  crashes: number;
  events: readonly RecordedEvent[];
  /** When its webhook is to be sent; undefined: never, or not any more. */
  deliverAt?: number | undefined;
  /** Times that it is begun, of its own. */
  maxAttempts: number;
  /** Seconds that it is kept when it has ended; undefined: for ever. */
  ttl?: number | undefined;
  /** Of the last few changes: who was not answered finds its own. */
  marks?: readonly string[];
}

/** Changes whose marks a record has: others may have changed it several times before who was not answered looks. */
const MARKS = 8;

/** With the mark of the change that it is made by. */
export function marked(record: JobRecord, mark: string): JobRecord {
  return { ...record, marks: [...(record.marks ?? []), mark].slice(-MARKS) };
}

/** One that has just been asked for. @param ttl seconds; `Infinity`: for ever */
export function newRecord(submission: Submission, maxAttempts: number, ttl: number): JobRecord {
  const at = submission.createdAt;
  return {
    v: RECORD_VERSION,
    version: 0,
    number: 0,
    job: {
      ...submission,
      status: "queued",
      startedAt: undefined,
      finishedAt: undefined,
      expiresAt: undefined,
      attempts: 0,
      progress: undefined,
      error: undefined,
      summary: undefined,
      delivery: undefined,
    },
    claim: 0,
    crashes: 0,
    events: [{ type: "queued", at }],
    deliverAt: undefined,
    maxAttempts,
    ttl: Number.isFinite(ttl) ? ttl : undefined,
  };
}

/** Handed to a worker. That it was running already means that its last worker has ended, or is cut off. */
export function begun(record: JobRecord, now: number): JobRecord {
  const wasRunning = record.job.status === "running";
  const attempt = record.job.attempts + 1;
  const events: RecordedEvent[] = wasRunning ? [{ type: "queued", at: now }] : [];
  return {
    ...record,
    claim: record.claim + 1,
    crashes: crashesOf(record),
    job: {
      ...record.job,
      status: "running",
      startedAt: now,
      attempts: attempt,
      progress: undefined,
      error: undefined,
    },
    events: [...record.events, ...events, { type: "running", attempt, at: now }],
  };
}

/** What has come of an attempt. @param now milliseconds since 1970 */
export function settled(record: JobRecord, outcome: Outcome, now: number): JobRecord {
  switch (outcome.type) {
    case "succeeded":
      return ended(record, "succeeded", now, { summary: outcome.summary });
    case "failed":
      return ended(record, "failed", now, { error: outcome.error });
    case "again":
      if (record.job.attempts >= record.maxAttempts)
        return ended(record, "failed", now, { error: outcome.error });
      return queued(record, now, { error: outcome.error });
    case "returned":
      return queued(record, now, { attempts: record.job.attempts - 1 });
  }
}

/** Waiting again. */
export function queued(record: JobRecord, now: number, change: Partial<Job> = {}): JobRecord {
  return {
    ...record,
    job: { ...record.job, ...change, status: "queued" },
    events: [...record.events, { type: "queued", at: now }],
  };
}

/** At its end, for good. */
export function ended(
  record: JobRecord,
  status: FinishedStatus,
  now: number,
  { error, summary }: { error?: JobError; summary?: JobSummary } = {},
): JobRecord {
  const { job, ttl } = record;
  const event: RecordedEvent =
    status === "failed" ? { type: status, error: error!, at: now } : { type: status, at: now };
  return {
    ...record,
    job: {
      ...job,
      status,
      finishedAt: now,
      expiresAt: ttl === undefined ? undefined : Math.ceil(now + ttl * 1000),
      error,
      summary,
      delivery: job.webhook && { status: "pending", attempts: 0 },
    },
    events: [...record.events, event],
    deliverAt: job.webhook && now,
  };
}

/** When a record is to be forgotten; undefined: never, or not yet. A webhook that is still tried has its say first, for a day. */
export function forgottenAt({
  deliverAt,
  job: { expiresAt, finishedAt = 0 },
}: JobRecord): number | undefined {
  return expiresAt === undefined || deliverAt === undefined
    ? expiresAt
    : Math.max(expiresAt, finishedAt + DAY);
}

/** Times that a worker may end in the course of a job that is begun so often: it is begun once more, and then set aside. */
export function maxCrashes(maxAttempts: number): number {
  return Math.min(1, maxAttempts - 1);
}

/** Times that a worker has ended in its course, by what is known when the queue says that its worker is gone. */
export function crashesOf({ crashes, job }: JobRecord): number {
  return crashes + (job.status === "running" ? 1 : 0);
}

/** Whether so many workers have ended in its course that it is begun no more. */
export function isTooMany(record: JobRecord): boolean {
  return crashesOf(record) > maxCrashes(record.maxAttempts);
}

/** Waiting again, when its worker seems to have ended in its course, or before it was begun. */
export function abandoned(record: JobRecord, now: number): JobRecord {
  return queued({ ...record, crashes: crashesOf(record) }, now);
}

/**
 * What becomes of a job that the queue has taken from a worker that lives: that counts as no attempt, and as no worker that has
 * ended, also where somebody else has gone on from there as though it had.
 * @param claim by which that worker had it
 * @returns undefined: it has ended
 */
export function givenBack(record: JobRecord, claim: number, now: number): JobRecord | undefined {
  const { crashes, job } = record;
  if (isFinished(job.status)) return undefined;
  if (record.claim === claim && job.status === "running") return settled(record, { type: "returned" }, now);
  const attempts = Math.max(0, job.attempts - 1);
  return { ...record, crashes: Math.max(0, crashes - 1), job: { ...job, attempts } };
}

/** One in whose course too many workers have ended: it would end others. */
export function setAside(record: JobRecord, now: number): JobRecord {
  const crashes = crashesOf(record);
  const message = `Its worker ended in the course of ${crashes} of the ${record.job.attempts} attempts at this job`;
  return ended({ ...record, crashes }, "failed", now, { error: { code: CRASHED, message } });
}
