import { randomInt } from "node:crypto";
import type { Priority, Segment } from "../../index.js";
import type { RequestOptions } from "../options/fields.js";

/** In the order in which a job has them: it ends in one of the last three, and stays in it. */
export const JOB_STATUSES = ["queued", "running", "succeeded", "failed", "cancelled"] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];
export type FinishedStatus = Exclude<JobStatus, "queued" | "running">;

export function isFinished(status: JobStatus): status is FinishedStatus {
  return status !== "queued" && status !== "running";
}

/** What a job is about. No bytes: they are in a {@link RecordingStore}. */
export interface JobRecording {
  /** Where it is in its store. */
  id: string;
  /** Whether it is one of the server's recordings, which the job leaves alone, or its own, gone when the job ends. */
  isKept: boolean;
  /** As its client called it. */
  filename: string;
  /** undefined where another system keeps it that does not tell. */
  bytes: number | undefined;
  /** In hexadecimal; undefined where nobody has counted it. */
  sha256: string | undefined;
}

/** Somebody who may be heard, whose voice is a recording of the job's own. */
export interface JobVoice {
  name: string;
  recordingId: string;
}

/** What is to be done: all of it is JSON. */
export interface JobRequest {
  /** Name of the model; undefined: the server's main one. */
  model?: string;
  /** Of the library, checked. */
  options: RequestOptions;
  /** Codes of the languages that may be spoken. */
  languages?: readonly string[];
  knownSpeakers?: readonly JobVoice[];
  /** See `WorkOptions`. */
  speakersIfPossible?: boolean;
}

/** Who is told when the job has ended. */
export interface JobWebhook {
  url: string;
  /** Which of the server's secrets signs what is sent. */
  secretId: string;
  /** Where its door has the result. */
  resultUrl: string;
}

/** A job as its client has asked for it: that never changes. */
export interface Submission {
  id: string;
  /** Milliseconds since 1970, as all times here. */
  createdAt: number;
  priority: Priority;
  recording: JobRecording;
  request: JobRequest;
  /** What the door needs to answer with the result: nothing follows from it here. */
  answer: Readonly<Record<string, unknown>>;
  /** The client's own, given back as it was. */
  metadata: Readonly<Record<string, unknown>> | undefined;
  webhook: JobWebhook | undefined;
  /** When it is not worth its while any more to begin it; undefined: it always is. */
  deadline?: number | undefined;
  /** What the same key must come with again; undefined: there was no key. */
  fingerprint: string | undefined;
  /** Of the request that brought it, for the log. */
  requestId: string;
  peer: string;
}

/** How far a job has come. */
export interface JobProgress {
  /** Seconds of the recording that are done, and of all of it where that is known. */
  processed: number;
  total: number | undefined;
  /** Seconds of the recording done in a second. */
  speedFactor: number;
}

/** Why a job has failed. */
export interface JobError {
  /** One of the library's, or {@link CRASHED}. */
  code: string;
  message: string;
  /** The option that is wrong. */
  option?: string;
}

/** Code of a job in whose course the server ended too often: it is set aside, with its recording, until it expires. */
export const CRASHED = "CRASHED";

/** Why an attempt is left: nobody wants its result, or somebody else has the job now. */
export class NotWanted extends Error {
  override readonly name = "NotWanted";

  /** @param isCancelled whether the job has ended so: what is left of it is to be deleted */
  constructor(readonly isCancelled: boolean) {
    super(isCancelled ? "The job was cancelled" : "The job is somebody else's now");
  }
}

/** What is known of a result without reading it. */
export interface JobSummary {
  /** Seconds of the recording. */
  duration: number;
  language: string;
  model: string;
  /** Seconds that it took. */
  processing: number;
}

export interface Job extends Submission {
  status: JobStatus;
  /** When its last attempt began. */
  startedAt: number | undefined;
  finishedAt: number | undefined;
  /** When it is forgotten, with its result; undefined while it is not finished. */
  expiresAt: number | undefined;
  /** Times that it was begun; what was handed back does not count. */
  attempts: number;
  progress: JobProgress | undefined;
  error: JobError | undefined;
  summary: JobSummary | undefined;
  /** What became of the webhook; undefined where there is none, or nothing to tell yet. */
  delivery: JobDelivery | undefined;
}

export interface JobDelivery {
  status: "pending" | "delivered" | "failed";
  attempts: number;
}

/** Something that has happened to a job, kept until the job expires. */
export type JobEvent =
  | { type: "queued" }
  /** Segments of attempts before it count no more. */
  | { type: "running"; attempt: number }
  | { type: "segment"; segment: Segment }
  | { type: "succeeded" }
  | { type: "failed"; error: JobError }
  | { type: "cancelled" };

/** One that is kept, by its number, counted from 1 for each job. */
export type KeptEvent = JobEvent & { number: number; at: number };

/** What who follows a job is told; progress is not kept, since later progress replaces it. */
export type FollowedEvent = KeptEvent | { type: "progress"; progress: JobProgress };

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LENGTH = 22;
const ID = /^job_[A-Za-z0-9]{22}$/;

/** 131 bits that nobody guesses. */
export function newJobId(): string {
  return `job_${Array.from({ length: LENGTH }, () => DIGITS[randomInt(DIGITS.length)]).join("")}`;
}

/** The id that a digest gives: whoever has the same has the same job. @param digest at least 22 bytes */
export function jobIdOf(digest: Uint8Array): string {
  return `job_${Array.from(digest.subarray(0, LENGTH), (byte) => DIGITS[byte % DIGITS.length]).join("")}`;
}

export function isJobId(id: string): boolean {
  return ID.test(id);
}

/** Ids of the recordings that are a job's own. */
export function recordingsOf({ recording, request }: Job): string[] {
  const voices = (request.knownSpeakers ?? []).map(({ recordingId }) => recordingId);
  return recording.isKept ? voices : [recording.id, ...voices];
}
