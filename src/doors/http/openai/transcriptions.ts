import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import Type from "typebox";
import { renameSpeakers, type TranscriptionTask } from "../../../index.js";
import type { Service } from "../../../service/service.js";
import type { Upload } from "../../../service/upload.js";
import type { Work } from "../../../service/workers.js";
import { fail } from "../app.js";
import { EventStream } from "../events.js";
import { failureOf } from "../failures.js";
import { noteUnknown } from "../forms/answer-form.js";
import { withNamedModel } from "../forms/model.js";
import { readForm } from "../forms/multipart.js";
import { requireFile, requireForm } from "../forms/required.js";
import { JOB } from "../jobs/document.js";
import { APPLIED, prefersJob } from "../jobs/preference.js";
import { submitJob } from "../jobs/submit.js";
import { inFormLater } from "../option-names.js";
import { namesOrLettersOf } from "../speaker-names.js";
import { answerOf } from "./answers.js";
import { formSchema } from "./fields.js";
import { type Asked, readRequest } from "./request.js";
import { TextEvents } from "./text-events.js";

const ANSWER = Type.Object({
  text: Type.String(),
  languages: Type.Optional(Type.Array(Type.Object({ code: Type.String() }))),
  usage: Type.Object({ type: Type.Literal("duration"), seconds: Type.Number() }),
});

const PRODUCES = {
  "text/plain": "text",
  "application/x-subrip": "srt",
  "text/vtt": "vtt",
  "text/event-stream": "with stream: transcript.text.delta, transcript.text.segment, transcript.text.done",
};

/** `POST /v1/audio/transcriptions` and `/v1/audio/translations`, also without `/v1`. */
export function addTranscriptions(app: FastifyInstance, service: Service): void {
  const paths: [string, TranscriptionTask, string][] = [
    ["/audio/transcriptions", "transcribe", "Text of a recording"],
    ["/audio/translations", "translate", "English text of a recording"],
  ];
  for (const [path, task, summary] of paths) {
    const schema = {
      summary,
      tags: ["OpenAI"],
      form: formSchema(task),
      response: { 200: ANSWER, 202: JOB },
      produces: PRODUCES,
    };
    const handler = (request: FastifyRequest, reply: FastifyReply) =>
      prefersJob(request.headers)
        ? submitJob(service, task, request, reply.headers(APPLIED))
        : transcribe(service, task, request, reply);
    const config = { mayBeJob: true };
    app.post(`/v1${path}`, { config, schema }, handler);
    app.post(path, { config, schema: { ...schema, hide: true } }, handler);
  }
}

/** What came of a request, and how it goes back. */
interface Done {
  asked: Asked;
  work: Work;
  events: TextEvents | undefined;
}

async function transcribe(
  service: Service,
  task: TranscriptionTask,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { call } = request;
  let stream: EventStream | undefined;
  const work = async (upload: Upload): Promise<Done> => {
    const form = await readForm(request, call, service, upload);
    requireFile(upload, form.fileField);
    return withNamedModel(service, call, form.texts, async (transcriber) => {
      const asked = readRequest(form, task, transcriber, call, service);
      noteUnknown(service, request, asked.unknown);
      if (asked.isStream) stream = new EventStream(reply, call, service.settings.idleTimeout);
      const events = stream && new TextEvents(stream, asked);
      const working = service.transcribe(
        call,
        await upload.file(),
        {
          transcriber,
          ...asked.options,
          ...(asked.languages && { languages: asked.languages }),
          ...(asked.knownSpeakers && { knownSpeakers: asked.knownSpeakers }),
          ...events?.listeners,
        },
        "timeout",
      );
      const { limits } = asked.options;
      const work = await inFormLater(working, limits?.maxDuration, asked.optionNames);
      return { asked, events, work };
    });
  };
  await call.attempt(
    async () => {
      requireForm(request);
      return service.withUpload(call, work);
    },
    ({ asked, events, work }) => {
      const names = asked.format === "diarized_json" ? namesOrLettersOf(work.result.speakers) : undefined;
      const result = renameSpeakers(work.result, names);
      service.logSuccess(call, work);
      if (events) return events.finish(result);
      const { body, type } = answerOf(result, asked);
      void reply.type(type).send(body);
    },
    (reason) => {
      if (!stream?.isOpen) {
        stream?.abandon();
        void fail(service, request, reply, reason);
        return;
      }
      const failure = failureOf(reason, call.id, service.workers.retryAfter);
      service.logFailure(call, reason, failure.message, failure.reason);
      call.outcome ??= failure.reason;
      stream.fail(failure);
    },
  );
  return reply;
}
