import type { JobsOptions } from "bullmq";
import type { Submission } from "../job.js";
import { RECORD_VERSION } from "./record.js";

/** Name of all jobs of the queue. */
export const JOB_NAME = "transcribe";
/** Bytes of what the queue has of a job: the rest is in the ledger. */
const MOST_BYTES = 16_384;
/** Jobs that wait without a priority come before all that have one. */
const PRIORITY_OF_BULK = 10;
/** Milliseconds before a job is begun again the first time, which double, and the share by which they differ. */
const BACKOFF = { type: "exponential", delay: 5000, jitter: 0.5 } as const;
/** What the queue keeps of those that have ended, in seconds and in jobs: enough to look into. */
const KEPT = { removeOnComplete: { age: 86_400, count: 10_000 }, removeOnFail: { age: 604_800 } };

/**
 * What the queue has of a job: enough to see what it is about, and which version has added it. Everybody who looks into the
 * queue reads it: nothing of what is said, nor of what a client sent along.
 */
export interface QueuedData {
  /** Workers that know an older one leave it to others. */
  v: number;
  recording: Pick<Submission["recording"], "id" | "bytes" | "sha256">;
  model?: string | undefined;
  requestId: string;
  /** Milliseconds since 1970. */
  submittedAt: number;
  deadline?: number | undefined;
}

export function queuedData({ createdAt, deadline, recording, request, requestId }: Submission): QueuedData {
  const { bytes, id, sha256 } = recording;
  return {
    v: RECORD_VERSION,
    recording: { id, bytes, sha256 },
    ...(request.model !== undefined && { model: request.model }),
    requestId,
    submittedAt: createdAt,
    ...(deadline !== undefined && { deadline }),
  };
}

/** @param maxAttempts times that it is begun, of its own */
export function queuedOptions({ id, priority }: Submission, maxAttempts: number): JobsOptions {
  return {
    jobId: id,
    attempts: maxAttempts,
    backoff: { ...BACKOFF },
    ...KEPT,
    sizeLimit: MOST_BYTES,
    ...(priority === "bulk" && { priority: PRIORITY_OF_BULK }),
  };
}
