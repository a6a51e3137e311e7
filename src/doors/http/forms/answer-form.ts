import type { FastifyReply, FastifyRequest } from "fastify";
import type { Service } from "../../../service/service.js";
import type { Upload } from "../../../service/upload.js";
import { fail } from "../app.js";
import type { Form } from "./form.js";
import { readForm } from "./multipart.js";
import { requireFile, requireForm } from "./required.js";

export interface FormWork<T> {
  /** What clients call the file's field. */
  fileField?: string;
  /** Bytes that belong before the file's. */
  head?: Uint8Array;
  /** What comes of the form, whose file is there. */
  work(form: Form, upload: Upload): Promise<T>;
  /** Sends it. */
  deliver(done: T): void;
}

/** Answers a form with a recording: with what comes of it, or with what went wrong. */
export async function answerForm<T>(
  service: Service,
  request: FastifyRequest,
  reply: FastifyReply,
  { fileField, head, work, deliver }: FormWork<T>,
): Promise<FastifyReply> {
  const { call } = request;
  await call.attempt(
    async () => {
      requireForm(request);
      return service.withUpload(call, async (upload) => {
        if (head) await upload.begin(head);
        const form = await readForm(request, call, service, upload);
        requireFile(upload, form.fileField, fileField);
        return work(form, upload);
      });
    },
    deliver,
    (reason) => void fail(service, request, reply, reason),
  );
  return reply;
}

/** Has the log name fields that nothing follows from. */
export function noteUnknown(service: Service, { call }: FastifyRequest, unknown: readonly string[]): void {
  if (unknown.length > 0)
    service.log.about(call.id).warning(`Fields that are not known here: ${unknown.join(", ")}`);
}
