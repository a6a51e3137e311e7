import type { Job, JobDelivery, JobStatus, Submission } from "../job.js";
import type { Row, Value } from "./database.js";

/** Of a job, with what became of its webhook. */
export const JOB_COLUMNS =
  "jobs.*, deliveries.status AS delivery_status, deliveries.attempts AS delivery_attempts " +
  "FROM jobs LEFT JOIN deliveries ON deliveries.job = jobs.number";

export function jobOf(row: Row): Job {
  const submission = JSON.parse(String(row.submission)) as Submission;
  return {
    ...submission,
    metadata: submission.metadata ?? undefined,
    webhook: submission.webhook ?? undefined,
    fingerprint: submission.fingerprint ?? undefined,
    status: row.status as JobStatus,
    startedAt: number(row.started_at),
    finishedAt: number(row.finished_at),
    expiresAt: number(row.expires_at),
    attempts: Number(row.attempts),
    progress: json(row.progress),
    error: json(row.error),
    summary: json(row.summary),
    delivery: deliveryOf(row),
  };
}

function deliveryOf({ delivery_status, delivery_attempts }: Row): JobDelivery | undefined {
  if (typeof delivery_status !== "string") return undefined;
  return { status: delivery_status as JobDelivery["status"], attempts: Number(delivery_attempts) };
}

export function number(value: Value | undefined): number | undefined {
  return value === null || value === undefined ? undefined : Number(value);
}

function json<T>(value: Value | undefined): T | undefined {
  return value === null || value === undefined ? undefined : (JSON.parse(String(value)) as T);
}
