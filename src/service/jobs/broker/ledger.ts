import type { JobProgress, JobStatus } from "../job.js";
import type { JobTally } from "../store.js";
import type { JobRecord } from "./record.js";

/** Which records are wanted, newest first. */
export interface LedgerQuery {
  statuses: readonly JobStatus[];
  /** Below this number alone; undefined: all. */
  below: number | undefined;
  limit: number;
}

/**
 * The records of all jobs, where every server and worker reaches them. It decides nothing: it keeps what it is given, at once
 * or not at all. Every method rejects with TranscriptionError STORAGE_FAILED where it cannot be reached.
 */
export interface Ledger {
  /**
   * Keeps a new record, unless there is one of its id.
   * @param maxWaiting jobs that may wait; `Infinity`: any number
   * @returns the one that is kept, and whether that is this one; undefined: there is no room
   */
  create(record: JobRecord, maxWaiting: number): Promise<{ record: JobRecord; isNew: boolean } | undefined>;
  get(id: string): Promise<JobRecord | undefined>;
  /** Keeps a record in place of the version that it was made from. @returns it, or undefined: there is another version by now */
  replace(record: JobRecord): Promise<JobRecord | undefined>;
  /** Notes how far a job has come. @returns whether it still runs by this claim */
  progress(id: string, claim: number, progress: JobProgress): Promise<boolean>;
  list(query: LedgerQuery): Promise<JobRecord[]>;
  /** Ids of those whose webhook is to be sent by `now`. */
  due(now: number, limit: number): Promise<string[]>;
  /** When, after `now`, the next webhook is to be sent; undefined: there is none. */
  nextDue(now: number): Promise<number | undefined>;
  /** Those whose time is over by `now`, as `forgottenAt` says. */
  expired(now: number, limit: number): Promise<JobRecord[]>;
  /** @returns whether it was there, in this version */
  remove(record: JobRecord): Promise<boolean>;
  tally(): Promise<JobTally>;
  close(): Promise<void>;
}

/** Jobs whose length tells how long those take that wait. */
export const OF_LATE = 200;
