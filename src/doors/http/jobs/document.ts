import Type from "typebox";
import {
  isFinished,
  JOB_STATUSES,
  type Job,
  type JobProgress,
  type JobStatus,
} from "../../../service/jobs/job.js";

const TIME = Type.String({ description: "ISO 8601" });
const MAYBE_TIME = Type.Union([TIME, Type.Null()]);

export const JOB = Type.Object({
  id: Type.String(),
  object: Type.Literal("job"),
  status: Type.Unsafe<JobStatus>({ type: "string", enum: JOB_STATUSES }),
  created_at: TIME,
  started_at: MAYBE_TIME,
  finished_at: MAYBE_TIME,
  deadline: Type.Union([TIME, Type.Null()], { description: "After which it is not begun any more" }),
  expires_at: Type.Union([TIME, Type.Null()], { description: "When it is forgotten, with its result" }),
  attempts: Type.Integer({ description: "Times that it was begun" }),
  priority: Type.String(),
  filename: Type.String(),
  bytes: Type.Union([Type.Integer(), Type.Null()]),
  recording_id: Type.Union([Type.String(), Type.Null()], { description: "Where it is one that is kept" }),
  progress: Type.Union([
    Type.Object({
      processed: Type.Number({ description: "Seconds of the recording that are done" }),
      total: Type.Union([Type.Number(), Type.Null()], { description: "Its seconds, once they are known" }),
      fraction: Type.Union([Type.Number(), Type.Null()]),
      speed_factor: Type.Number({ description: "Seconds of the recording done in a second" }),
      eta: Type.Union([Type.Number(), Type.Null()], {
        description: "Seconds that it will probably take yet",
      }),
    }),
    Type.Null(),
  ]),
  error: Type.Union([Type.Object({ code: Type.String(), message: Type.String() }), Type.Null()]),
  duration: Type.Union([Type.Number(), Type.Null()], { description: "Seconds of the recording, in the end" }),
  language: Type.Union([Type.String(), Type.Null()]),
  model: Type.Union([Type.String(), Type.Null()]),
  result_url: Type.Union([Type.String(), Type.Null()], {
    description: "Path of the result, once there is one",
  }),
  events_url: Type.String(),
  metadata: Type.Union([Type.Object({}, { additionalProperties: true }), Type.Null()]),
  webhook: Type.Union([Type.Object({ status: Type.String(), attempts: Type.Integer() }), Type.Null()]),
});
export type JobDocument = Type.Static<typeof JOB>;

/** Path of a job. */
export function pathOf(id: string): string {
  return `/v1/jobs/${id}`;
}

/** Path of its result. */
export function resultUrl(id: string): string {
  return `${pathOf(id)}/result`;
}

/** A job as clients see it. */
export function documentOf(job: Job): JobDocument {
  const { error, id, metadata, recording, status, summary } = job;
  return {
    id,
    object: "job",
    status,
    created_at: timeOf(job.createdAt),
    started_at: job.startedAt === undefined ? null : timeOf(job.startedAt),
    finished_at: job.finishedAt === undefined ? null : timeOf(job.finishedAt),
    deadline: job.deadline === undefined ? null : timeOf(job.deadline),
    expires_at: job.expiresAt === undefined ? null : timeOf(job.expiresAt),
    attempts: job.attempts,
    priority: job.priority,
    filename: recording.filename,
    bytes: recording.bytes ?? null,
    recording_id: recording.isKept ? recording.id : null,
    progress: progressNow(job),
    error: error ? { code: error.code, message: error.message } : null,
    duration: summary ? rounded(summary.duration) : null,
    language: summary?.language || null,
    model: summary?.model ?? null,
    result_url: status === "succeeded" ? resultUrl(id) : null,
    events_url: `${pathOf(id)}/events`,
    metadata: metadata ?? null,
    webhook: webhookOf(job),
  };
}

/** What was noted last; all of it when the job has succeeded. */
function progressNow({ progress, status, summary }: Job): JobDocument["progress"] {
  if (status !== "succeeded" || !summary) return progress ? progressOf(progress) : null;
  const { duration, processing } = summary;
  const speedFactor = processing > 0 ? duration / processing : 0;
  return progressOf({ processed: duration, total: duration, speedFactor });
}

export function progressOf({
  processed,
  speedFactor,
  total,
}: JobProgress): NonNullable<JobDocument["progress"]> {
  const isKnown = total !== undefined && total > 0;
  return {
    processed: rounded(processed),
    total: total === undefined ? null : rounded(total),
    fraction: isKnown ? rounded(Math.min(1, processed / total)) : null,
    speed_factor: rounded(speedFactor),
    eta: isKnown && speedFactor > 0 ? rounded(Math.max(0, total - processed) / speedFactor) : null,
  };
}

function webhookOf({ delivery, status, webhook }: Job): JobDocument["webhook"] {
  if (!webhook) return null;
  if (delivery) return { status: delivery.status, attempts: delivery.attempts };
  return { status: isFinished(status) ? "pending" : "waiting", attempts: 0 };
}

export function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

/** Thousandths. */
function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
