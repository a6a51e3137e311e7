import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import Type from "typebox";
import { type TranscriptionResult, toWhisperXJson } from "../../../index.js";
import type { Call } from "../../../service/call/call.js";
import type { ServedModel } from "../../../service/models/models.js";
import type { RequestOptions } from "../../../service/options/fields.js";
import type { OpenRecording } from "../../../service/recordings/store.js";
import type { Service } from "../../../service/service.js";
import type { Work } from "../../../service/workers.js";
import { fail } from "../app.js";
import { Refusal } from "../failures.js";
import { JOB } from "../jobs/document.js";
import { readKey } from "../jobs/order.js";
import { APPLIED, prefersJob } from "../jobs/preference.js";
import { answerAdded } from "../jobs/submit.js";
import { inForm, inFormLater } from "../option-names.js";
import { rounded } from "../rounded.js";
import { BY_ID, type ById, keptRecording, openRecording } from "./recordings.js";

/** Names that WhisperX' clients always send one of, whatever is installed here. */
const MODELS = ["tiny", "base", "small", "medium", "large-v2", "large-v3"];

const BODY = Type.Object({
  model: Type.Optional(
    Type.String({
      description:
        `Any name of an installed model, or one of ${MODELS.join(", ")}: where that one is not installed ` +
        "the server's own takes its place, and metadata says which it was",
    }),
  ),
  hf_token: Type.Optional(
    Type.Union([Type.String(), Type.Null()], { description: "Not used, and not kept" }),
  ),
  language: Type.Optional(Type.String({ description: "What is spoken. Default: the server's" })),
});
type Body = Type.Static<typeof BODY>;

const SPEAKER = Type.Union([Type.String(), Type.Null()]);
const ANSWER = Type.Object({
  success: Type.Literal(true),
  transcription: Type.String(),
  seller_text: Type.String(),
  client_text: Type.String(),
  speakers: Type.Object({ seller: SPEAKER, client: SPEAKER, total_speakers: Type.Integer() }),
  metadata: Type.Object({
    transcription_method: Type.Literal("whisperx"),
    segments: Type.Array(Type.Object({}, { additionalProperties: true })),
    device: Type.String(),
    model: Type.String(),
    language: Type.String(),
    duration: Type.Number({ description: "Seconds" }),
    warnings: Type.Array(Type.String()),
  }),
});
export type CallAnswer = Type.Static<typeof ANSWER>;

/** `POST /api/recordings/:id/transcribe-whisperx`: a sales call as text, seller and client apart. */
export function addWhisperX(app: FastifyInstance, service: Service): void {
  /** Recordings that are being transcribed. */
  const running = new Set<string>();
  app.post<ById & { Body: Body | undefined }>(
    `${BY_ID}/transcribe-whisperx`,
    {
      config: { mayBeJob: true },
      schema: {
        summary: "Text of a call, seller and client apart",
        tags: ["Recordings"],
        body: BODY,
        response: { 200: ANSWER, 202: JOB },
      },
      // A body may be left out.
      preValidation: async (request) => {
        request.body ??= {};
      },
    },
    (request, reply) =>
      prefersJob(request.headers)
        ? submit(service, request, reply.headers(APPLIED))
        : transcribe(service, running, request, reply),
  );
}

type Request = FastifyRequest<ById & { Body: Body | undefined }>;

/** As a job, whose result is what would have been the answer. */
async function submit(service: Service, request: Request, reply: FastifyReply): Promise<FastifyReply> {
  const { call, params } = request;
  await call.attempt(
    async () => {
      const { language, model } = request.body ?? {};
      const kept = await keptRecording(service, params.id, call);
      const chosen = await choose(model, service);
      const options = optionsOf(language);
      await service.withModel(call, chosen, async (transcriber) =>
        inForm(() => transcriber.checkOptions(options)),
      );
      return service.jobs.submit(call, {
        recording: { kept },
        request: { options, speakersIfPossible: true, ...(!chosen.isMain && { model: chosen.name }) },
        answer: { format: "seller_client" },
        idempotencyKey: readKey(request as FastifyRequest),
      });
    },
    (added) => answerAdded(service, added, reply),
    (reason) => void fail(service, request as FastifyRequest, reply, reason),
  );
  return reply;
}

function optionsOf(language: string | undefined): RequestOptions {
  return { diarize: true, roles: true, ...(language && { language }) };
}

async function transcribe(
  service: Service,
  running: Set<string>,
  request: Request,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { call, params } = request;
  await call.attempt(
    async () => {
      const { language, model } = request.body ?? {};
      const chosen = await choose(model, service);
      const options = optionsOf(language);
      const opened = await openRecording(service, params.id, call);
      try {
        if (running.has(params.id))
          throw new Refusal("CONFLICT", `The recording ${params.id} is being transcribed already`, "id");
        running.add(params.id);
        return await workOn(service, call, opened, chosen, options).finally(() => running.delete(params.id));
      } finally {
        await opened.close();
      }
    },
    (work) => {
      service.logSuccess(call, work);
      void reply.send(callAnswerOf(work.result));
    },
    (reason) => void fail(service, request as FastifyRequest, reply, reason),
  );
  return reply;
}

function workOn(
  service: Service,
  call: Call,
  opened: OpenRecording,
  model: ServedModel,
  options: RequestOptions,
): Promise<Work> {
  const { filename, type } = opened.recording;
  call.markReading();
  return service.withFile(call, opened, async (file) => {
    call.markReceived();
    service.note(call, filename, (await file.stat()).size, type);
    return service.withModel(call, model, async (transcriber) => {
      inForm(() => transcriber.checkOptions(options));
      const asked = { transcriber, ...options, speakersIfPossible: true };
      return inFormLater(service.transcribe(call, file, asked, "timeout"));
    });
  });
}

/** Clients that cannot but name one of WhisperX' models get the server's own where that one is not installed. */
async function choose(name: string | undefined, { models }: Service): Promise<ServedModel> {
  if (name === undefined || !MODELS.includes(name)) return models.choose(name);
  return (await models.find(name)) ?? models.choose(undefined);
}

/** The answer of the service that this one stands in for. */
export function callAnswerOf(result: TranscriptionResult): CallAnswer {
  const { seller, client } = partiesOf(result);
  const textOf = (speaker: string | null) =>
    speaker === null
      ? ""
      : result.segments
          .filter((segment) => segment.speaker === speaker)
          .map(({ text }) => text)
          .join(" ");
  const { segments } = toWhisperXJson(result);
  return {
    success: true,
    transcription: result.text,
    seller_text: textOf(seller),
    client_text: textOf(client),
    speakers: { seller, client, total_speakers: result.speakers?.length ?? 0 },
    metadata: {
      transcription_method: "whisperx",
      segments,
      device: result.device.kind,
      model: result.model,
      language: result.language,
      duration: rounded(result.duration),
      warnings: result.warnings,
    },
  };
}

/** By their roles; what those do not tell, by who is heard first: the seller, for whom the original took that one. */
function partiesOf({ speakers = [] }: TranscriptionResult): { seller: string | null; client: string | null } {
  const named = (role: "seller" | "client") => speakers.find((speaker) => speaker.role === role)?.id;
  const others = speakers.filter(({ role }) => role === null).map(({ id }) => id);
  const seller = named("seller") ?? others.shift() ?? null;
  const client = named("client") ?? others.shift() ?? null;
  return { seller, client };
}
