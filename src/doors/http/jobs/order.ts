import type { FastifyRequest } from "fastify";
import type { TranscriptionTask } from "../../../index.js";
import type { Call } from "../../../service/call/call.js";
import type { JobOrder } from "../../../service/jobs/order.js";
import * as kind from "../../../service/options/kinds.js";
import { wrongField } from "../../../service/options/read-options.js";
import type { Service } from "../../../service/service.js";
import { cut } from "../../../service/text.js";
import type { Upload } from "../../../service/upload.js";
import { Refusal } from "../failures.js";
import { noteUnknown } from "../forms/answer-form.js";
import type { Field } from "../forms/field-set.js";
import { Form } from "../forms/form.js";
import { withNamedModel } from "../forms/model.js";
import { readForm } from "../forms/multipart.js";
import { requireFile } from "../forms/required.js";
import { formProperties } from "../openai/fields.js";
import { type AnswerForm, type Asked, readRequest } from "../openai/request.js";
import { keptRecording } from "../recordings/recordings.js";
import { resultUrl } from "./document.js";

const RECORDING = "recording_id";
const METADATA = "metadata";
const WEBHOOK = "webhook_url";
const SECRET = "webhook_secret_id";
const DEADLINE = "deadline";
/** Characters of a client's own data, as JSON. */
const LONGEST_METADATA = 16_384;
const LONGEST_KEY = 255;
/** A time that is the same everywhere. */
const ZONED = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/;

/** Fields of a job beside those of a transcription. */
const JOB_FIELDS = {
  [RECORDING]: { kind: kind.text, is: "One of /api/recordings, in place of a file." },
  [WEBHOOK]: { kind: kind.text, is: "Who is told when the job has ended, by Standard Webhooks." },
  [SECRET]: { kind: kind.text, is: "Which of the server's secrets signs that. Default: the first." },
  [DEADLINE]: {
    kind: kind.text,
    is: "Time (ISO 8601, with its zone) after which it is not begun any more: it fails with DEADLINE_EXCEEDED then.",
  },
  [METADATA]: {
    kind: {
      expected: "an object",
      schema: { type: "object", additionalProperties: true },
      read: () => undefined,
    },
    is: "The client's own, given back with the job and its webhook; at most 16 KiB as JSON.",
  },
} as const satisfies Record<string, Field>;

/** JSON Schema of a job's form, or of its JSON. */
export const ORDER_SCHEMA = {
  type: "object",
  properties: {
    file: {
      type: "string",
      contentEncoding: "binary",
      description: "The recording, in any format that FFmpeg reads: its content decides.",
    },
    ...Object.fromEntries(
      Object.entries(JOB_FIELDS).map(([name, { is, kind }]) => [name, { ...kind.schema, description: is }]),
    ),
    ...Object.fromEntries(Object.entries(formProperties("transcribe")).filter(([name]) => name !== "stream")),
  },
};

/**
 * What a request asks to be done, be it a form or JSON.
 * @param upload takes the recording of a form
 * @throws Refusal, TranscriptionError that name the field; and whatever {@link readForm} throws
 */
export async function readOrder(
  request: FastifyRequest,
  call: Call,
  service: Service,
  task: TranscriptionTask,
  upload: Upload,
): Promise<JobOrder> {
  const idempotencyKey = readKey(request);
  const isJson = /^application\/json\b/i.test(request.headers["content-type"] ?? "");
  const form = isJson ? formOfJson(request.body) : await readForm(request, call, service, upload);
  // What is looked up at once first: a model may have to be loaded.
  const metadata = readMetadata(form);
  const webhook = readWebhook(form);
  const deadline = readDeadline(form);
  const recording = await readRecording(form, call, service, upload);
  const { asked, model } = await withNamedModel(service, call, form.texts, async (transcriber, model) => ({
    asked: readRequest(form, task, transcriber, call, service, Object.keys(JOB_FIELDS)),
    model,
  }));
  if (asked.isStream)
    throw wrongField("stream", "no stream for a job, whose events are at GET /v1/jobs/ID/events,", "true");
  noteUnknown(service, request, asked.unknown);
  return {
    recording,
    request: {
      options: asked.options,
      ...(asked.languages && { languages: asked.languages }),
      ...(!model.isMain && { model: model.name }),
    },
    knownSpeakers: asked.knownSpeakers,
    answer: answerFormOf(asked) as unknown as Record<string, unknown>,
    metadata,
    webhook,
    deadline,
    idempotencyKey,
  };
}

/** What the result will be answered by. */
function answerFormOf({ format, layout, logprobs, segments, task, words }: Asked): AnswerForm {
  return { format, layout, logprobs, segments, task, words };
}

/** @throws Refusal INVALID_ARGUMENT */
export function readKey({ headers }: FastifyRequest): string | undefined {
  const key = headers["idempotency-key"];
  if (key === undefined) return undefined;
  if (typeof key === "string" && key.length <= LONGEST_KEY && /^[!-~]+( [!-~]+)*$/.test(key)) return key;
  const message = `Expected 1 to ${LONGEST_KEY} printable characters for Idempotency-Key`;
  throw new Refusal("INVALID_ARGUMENT", message, "Idempotency-Key");
}

/** Fields of an object, as a form would have them. @throws Refusal INVALID_ARGUMENT */
function formOfJson(body: unknown): Form {
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw new Refusal("INVALID_ARGUMENT", "Expected an object in JSON");
  const form = new Form();
  for (const [name, value] of Object.entries(body)) {
    if (value === null || value === undefined) continue;
    const isList = Array.isArray(value) && value.every((entry) => typeof entry !== "object");
    for (const entry of isList ? (value as unknown[]) : [value])
      form.add(name, typeof entry === "object" ? JSON.stringify(entry) : String(entry));
  }
  return form;
}

function readWebhook(form: Form): JobOrder["webhook"] {
  const [url, secretId] = [form.text(WEBHOOK), form.text(SECRET)];
  if (url !== undefined) return { url, secretId, resultUrl };
  if (secretId !== undefined) throw wrongField(SECRET, `none without ${WEBHOOK}`, cut(secretId));
  return undefined;
}

/** @returns milliseconds since 1970. @throws TranscriptionError INVALID_ARGUMENT */
function readDeadline(form: Form): number | undefined {
  const text = form.text(DEADLINE);
  if (text === undefined) return undefined;
  const deadline = ZONED.test(text) ? Date.parse(text) : Number.NaN;
  if (deadline > Date.now()) return deadline;
  throw wrongField(DEADLINE, "a time to come, such as 2030-01-31T08:00:00Z", cut(text));
}

function readMetadata(form: Form): Record<string, unknown> | undefined {
  const metadata = form.object(METADATA);
  if (metadata === undefined) return undefined;
  const { length } = JSON.stringify(metadata);
  if (length > LONGEST_METADATA)
    throw wrongField(METADATA, `at most ${LONGEST_METADATA} characters of JSON`, `${length}`);
  return metadata;
}

async function readRecording(
  form: Form,
  call: Call,
  service: Service,
  upload: Upload,
): Promise<JobOrder["recording"]> {
  const id = form.text(RECORDING);
  if (id === undefined) {
    requireFile(upload, form.fileField);
    return { file: await upload.file(), filename: form.filename ?? "", type: form.fileType ?? "" };
  }
  if (form.fileField !== undefined) throw wrongField(RECORDING, "no recording_id beside a file", cut(id));
  return { kept: await keptRecording(service, id, call, RECORDING) };
}
