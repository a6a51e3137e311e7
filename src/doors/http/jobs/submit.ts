import type { FastifyReply, FastifyRequest } from "fastify";
import type { TranscriptionTask } from "../../../index.js";
import type { Added } from "../../../service/jobs/store.js";
import type { Service } from "../../../service/service.js";
import { fail } from "../app.js";
import { Refusal } from "../failures.js";
import { documentOf, pathOf } from "./document.js";
import { readOrder } from "./order.js";

/** Accepts what a request asks for as a job, and answers with it. */
export async function submitJob(
  service: Service,
  task: TranscriptionTask,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { call } = request;
  await call.attempt(
    async () => {
      requireBody(request);
      return service.withUpload(call, async (upload) =>
        service.jobs.submit(call, await readOrder(request, call, service, task, upload)),
      );
    },
    (added) => answerAdded(service, added, reply),
    (reason) => void fail(service, request, reply, reason),
  );
  return reply;
}

/** 202, and where to look. */
export function answerAdded(service: Service, { isNew, job }: Added, reply: FastifyReply): void {
  reply
    .code(202)
    .header("location", pathOf(job.id))
    .header("retry-after", Math.ceil(service.workers.retryAfter));
  if (!isNew) reply.header("idempotency-replayed", "true");
  void reply.send(documentOf(job));
}

function requireBody({ headers }: FastifyRequest): void {
  const type = headers["content-type"] ?? "";
  if (/^(multipart\/form-data|application\/json)\b/i.test(type)) return;
  const received = type === "" ? "none" : JSON.stringify(type.slice(0, 100));
  throw new Refusal(
    "UNSUPPORTED_MEDIA_TYPE",
    `Expected multipart/form-data, or application/json, for content-type but received ${received}`,
  );
}
