import type { Segment } from "../../index.js";
import type {
  FollowedEvent,
  Job,
  JobError,
  JobProgress,
  JobStatus,
  JobSummary,
  JobWebhook,
  NotWanted,
  Submission,
} from "./job.js";

/**
 * Where jobs are kept and handed to those who work on them. It knows nothing of transcription. What it holds is small: no
 * recording and no result. What clients send along is among it, such as prompts, metadata and the addresses of webhooks, which may
 * hold secrets of their receivers; the server's own secrets are not.
 *
 * Every method throws TranscriptionError STORAGE_FAILED when the store cannot be reached, is full or is damaged.
 */
export interface JobStore {
  /**
   * Adds a job, unless there is one of its id: then that one stays as it is. Of those who add the same at once one does.
   * @throws TranscriptionError QUEUE_FULL when as many wait as may
   */
  add(submission: Submission): Promise<Added>;
  get(id: string): Promise<Job | undefined>;
  /** Newest first. @throws TranscriptionError INVALID_ARGUMENT that names `after` where there is no job of that id */
  list(query: JobQuery): Promise<JobPage>;
  /** Ends a job that has not ended. @returns the job as it is then, and whether it was ended by this; undefined: there is none */
  cancel(id: string): Promise<Cancelled | undefined>;
  /**
   * Has `worker` work on jobs from now on, the oldest of the most urgent first, a job with one worker at a time. A job whose
   * process ended in its course is begun again, as often as the store allows, the last time with no other beside it.
   */
  consume(worker: JobWorker): void;
  /**
   * Has `listener` hear of each job that is ended here, also while nobody works.
   * @param onElsewhere called when another server or worker has ended one
   */
  onEnd(listener: (job: Job) => void, onElsewhere?: () => void): void;
  /** Has it look now and then for jobs that were lost on their way, where that can be. */
  watch(): void;
  /** Has no further job begun; resolves when none is under way. */
  pause(): Promise<void>;
  /**
   * What happened to a job after the event of number `after` (0: from the start), then what happens, until it has ended or
   * `signal` fires. Nothing is missed but progress for which its reader had no time.
   */
  follow(id: string, after: number, signal: AbortSignal): AsyncIterable<FollowedEvent>;
  tally(): Promise<JobTally>;
  /**
   * Forgets jobs that have expired, each when its files are deleted, so that none are left of what nobody knows.
   * @param deleteFiles deletes them; one of which that fails stays until the next time
   */
  expire(now: number, deleteFiles: (job: Job) => Promise<void>): Promise<void>;
  /** Ids of all recordings of their own that unfinished jobs, and those set aside, need. */
  recordingsInUse(): Promise<Set<string>>;
  /** Of `ids`, those that are jobs'. */
  known(ids: readonly string[]): Promise<Set<string>>;
  readonly deliveries: DeliveryStore;
  close(): Promise<void>;
}

export interface Added {
  job: Job;
  isNew: boolean;
}

export interface JobQuery {
  /** Empty: any. */
  statuses: readonly JobStatus[];
  limit: number;
  /** Id of the job after which to go on. */
  after: string | undefined;
}

export interface JobPage {
  jobs: Job[];
  hasMore: boolean;
}

export interface Cancelled {
  job: Job;
  isCancelled: boolean;
}

/** How many jobs there are, and what they amount to. */
export interface JobTally {
  jobs: Record<JobStatus, number>;
  /** Bytes of the recordings that wait. */
  waitingBytes: number;
  /** Seconds of audio in a byte, of those that have ended of late; undefined: none have. */
  secondsPerByte: number | undefined;
  /** Milliseconds since 1970 at which the oldest that waits was added; undefined: none waits. */
  oldestWaiting: number | undefined;
}

export interface JobWorker {
  /** Jobs at once. */
  readonly concurrency: number;
  /** Does one; does not throw. */
  run(job: Job, attempt: Attempt): Promise<Outcome>;
}

/** One time that a job is worked on. */
export interface Attempt {
  /** Fires with {@link NotWanted} when the job is to be left. */
  readonly signal: AbortSignal;
  /** Looks whether the job is still this attempt's, and fires `signal` where it is not. */
  check(): Promise<void>;
  progress(progress: JobProgress): void;
  segment(segment: Segment): void;
}

export type Outcome =
  | { type: "succeeded"; summary: JobSummary }
  /** For good. */
  | { type: "failed"; error: JobError }
  /** May go better next time: begun again after a while, as often as the store's limit allows. */
  | { type: "again"; error: JobError }
  /** Through no fault of its own, such as the server's end: as though it had not been begun. */
  | { type: "returned" };

/** A webhook that is to be sent. */
export interface Delivery {
  jobId: string;
  /** The same each time that it is tried. */
  webhookId: string;
  webhook: JobWebhook;
  /** Whether the job succeeded, failed or was cancelled, and when. */
  status: JobStatus;
  finishedAt: number;
  metadata: Submission["metadata"];
  /** Times that it was tried. */
  attempts: number;
}

/** Webhooks of jobs that have ended: each is there from the moment its job has, until it is delivered or given up. */
export interface DeliveryStore {
  /**
   * Those whose time has come, at most `limit` that are not on their way.
   * @param onTheirWay how many are, of those that this has given before and that are not settled: they may be given again
   */
  due(now: number, limit: number, onTheirWay: number): Promise<Delivery[]>;
  /** When, after `now`, the next one's time comes; undefined: there is none. */
  next(now: number): Promise<number | undefined>;
  /** Says what came of one. @param retryAt when to try again; undefined: never */
  settle(jobId: string, isDelivered: boolean, retryAt: number | undefined): Promise<void>;
}
