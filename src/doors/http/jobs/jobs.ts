import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import Type from "typebox";
import { applyCorrections } from "../../../index.js";
import { isFinished, JOB_STATUSES, type Job, type JobStatus } from "../../../service/jobs/job.js";
import type { Service } from "../../../service/service.js";
import { Refusal } from "../failures.js";
import { addCorrections } from "./corrections.js";
import { documentOf, JOB } from "./document.js";
import { sendEvents } from "./job-events.js";
import { ORDER_SCHEMA } from "./order.js";
import { requireJob } from "./required.js";
import { jobAnswer, RESULT_FORMATS, type ResultFormat } from "./result.js";
import { submitJob } from "./submit.js";

const TAGS = ["Jobs"];
const LIST = Type.Object({ object: Type.Literal("list"), data: Type.Array(JOB), has_more: Type.Boolean() });
const QUERY = Type.Object({
  status: Type.Optional(Type.String({ description: `Of ${JOB_STATUSES.join(", ")}, those that are wanted` })),
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
  after: Type.Optional(Type.String({ description: "Id of the job after which to go on" })),
});
const RESULT_QUERY = Type.Object({
  format: Type.Optional(Type.Unsafe<ResultFormat>({ type: "string", enum: RESULT_FORMATS })),
  corrected: Type.Boolean({
    default: false,
    description:
      "With what was put right about it (/v1/jobs/ID/corrections); channels that are apart are speakers with roles then",
  }),
});
const EVENTS_QUERY = Type.Object({
  last_event_id: Type.Optional(Type.String({ description: "For clients that cannot send Last-Event-ID" })),
});
const PRODUCES = { "text/plain": "text, txt", "application/x-subrip": "srt", "text/vtt": "vtt" };

interface ById {
  Params: { id: string };
}

/** What asks about jobs is answered while the model is loaded, and whatever waits. */
const READING = { config: { needs: "nothing" } } as const;

/** `/v1/jobs`, also without `/v1`: recordings that are transcribed while nobody waits for them. */
export function addJobs(app: FastifyInstance, service: Service): void {
  for (const prefix of ["/v1", ""]) addJobsAt(app, service, `${prefix}/jobs`, prefix === "");
}

function addJobsAt(app: FastifyInstance, service: Service, path: string, hide: boolean): void {
  const one = `${path}/:id([A-Za-z0-9_]+)`;
  app.post(
    path,
    {
      config: { needs: "model" },
      schema: {
        summary: "Have a recording transcribed while nobody waits for it",
        description:
          "A form as of /v1/audio/transcriptions, or the same fields as JSON with recording_id. With Idempotency-Key the " +
          "same request gives the same job.",
        tags: TAGS,
        form: ORDER_SCHEMA,
        response: { 202: JOB },
        hide,
      },
    },
    (request, reply) => submitJob(service, "transcribe", request, reply),
  );
  app.get<{ Querystring: Type.Static<typeof QUERY> }>(
    path,
    {
      ...READING,
      schema: {
        summary: "Jobs, newest first",
        tags: TAGS,
        querystring: QUERY,
        response: { 200: LIST },
        hide,
      },
    },
    async ({ query: { after, limit, status = "" } }) => {
      const { hasMore, jobs } = await service.jobs.list({
        statuses: statusesOf(status),
        limit,
        after: after || undefined,
      });
      return { object: "list", data: jobs.map(documentOf), has_more: hasMore };
    },
  );
  app.get<ById>(
    one,
    { ...READING, schema: { summary: "A job", tags: TAGS, response: { 200: JOB }, hide } },
    async ({ params: { id } }) => documentOf(requireJob(await service.jobs.get(id), id)),
  );
  app.get<ById & { Querystring: Type.Static<typeof RESULT_QUERY> }>(
    `${one}/result`,
    {
      ...READING,
      schema: {
        summary: "Its result, in any format",
        tags: TAGS,
        querystring: RESULT_QUERY,
        produces: PRODUCES,
        response: { 200: { type: "object" } },
        hide,
      },
    },
    async ({ params: { id }, query: { corrected, format } }, reply) =>
      sendResult(service, id, format, corrected, reply),
  );
  addCorrections(app, service, one, hide);
  app.get<ById & { Querystring: Type.Static<typeof EVENTS_QUERY> }>(
    `${one}/events`,
    {
      ...READING,
      schema: {
        summary: "What happens to it, as it happens",
        description:
          "job.queued, job.running, job.segment, job.progress, and job.succeeded, job.failed or job.cancelled last. " +
          "With Last-Event-ID those after that one; 204 where that was the last.",
        tags: TAGS,
        querystring: EVENTS_QUERY,
        produces: { "text/event-stream": "Server-sent events" },
        hide,
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const job = requireJob(await service.jobs.get(id), id);
      return sendEvents(service, id, isFinished(job.status), request as FastifyRequest, reply);
    },
  );
  app.delete<ById>(
    one,
    { ...READING, schema: { summary: "Cancel a job", tags: TAGS, response: { 200: JOB }, hide } },
    async ({ params: { id } }) => {
      const { isCancelled, job } = requireJob(await service.jobs.cancel(id), id);
      if (!isCancelled) throw new Refusal("CONFLICT", `The job ${id} has ended: it ${said(job)}`, "id");
      return documentOf(job);
    },
  );
}

async function sendResult(
  service: Service,
  id: string,
  format: ResultFormat | undefined,
  corrected: boolean,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const job = requireJob(await service.jobs.get(id), id);
  if (job.status !== "succeeded") {
    const isComing = job.status === "queued" || job.status === "running";
    const headers = isComing ? { "retry-after": String(Math.ceil(service.workers.retryAfter)) } : {};
    throw new Refusal("CONFLICT", `The job ${id} has no result: it ${said(job)}`, "id", headers);
  }
  const heard = requireJob(await service.jobs.result(id), id);
  const result = corrected
    ? applyCorrections(heard, (await service.jobs.corrections(id)).corrections)
    : heard;
  const { body, type } = jobAnswer(job, result, format);
  return reply.type(type).send(body);
}

/** What has become of a job, in words. */
function said({ error, status }: Job): string {
  switch (status) {
    case "queued":
      return "waits for its turn";
    case "running":
      return "is being worked on";
    case "failed":
      return `has failed, ${error?.code}: ${error?.message}`;
    case "cancelled":
      return "was cancelled";
    default:
      return "has succeeded";
  }
}

/** @throws Refusal INVALID_ARGUMENT */
function statusesOf(list: string): JobStatus[] {
  return list
    .split(",")
    .map((text) => text.trim())
    .filter((text) => text !== "")
    .map((text) => {
      const status = JOB_STATUSES.find((each) => each === text);
      if (status) return status;
      const message = `Expected some of ${JOB_STATUSES.join(", ")} for status but received ${JSON.stringify(text.slice(0, 50))}`;
      throw new Refusal("INVALID_ARGUMENT", message, "status");
    });
}
