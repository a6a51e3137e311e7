import { createHash, randomUUID } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import Type from "typebox";
import { recordingNamedBy } from "../../../service/recordings/named-by-url.js";
import type { Service } from "../../../service/service.js";
import { cut } from "../../../service/text.js";
import type { Upload } from "../../../service/upload.js";
import type { Work } from "../../../service/workers.js";
import { fail } from "../app.js";
import { Refusal } from "../failures.js";
import { noteUnknown } from "../forms/answer-form.js";
import { bodyOf } from "../forms/body.js";
import { requirePlain } from "../forms/required.js";
import { inFormLater } from "../option-names.js";
import { wavHead } from "../raw-samples.js";
import { openRecording } from "../recordings/recordings.js";
import { type Answered, answerOf } from "./answer.js";
import { FIELDS } from "./parameters.js";
import { type Asked, optionsFor, readAsked } from "./request.js";

/** Where it is, which is also where Deepgram's clients open WebSockets. */
export const LISTEN = "/v1/listen";

/** How files begin that say themselves what they are. */
const CONTAINERS = /^(RIFF|RIFX|RF64|FORM|fLaC|OggS|ID3)/;

/** What came of a request. */
interface Done {
  asked: Asked;
  work: Work;
  answered: Answered;
}

/** `POST /v1/listen`: text of a recording, as Deepgram's API has it. */
export function addListen(app: FastifyInstance, service: Service): void {
  // Whatever clients call the bytes of a recording, or do not.
  app.register(async (scope) => {
    scope.removeContentTypeParser("text/plain");
    scope.addContentTypeParser("*", (_request, _payload, done) => done(null));
    scope.post(
      LISTEN,
      {
        schema: {
          summary: "Text of a recording, as Deepgram has it",
          description:
            "The body is the recording itself, or JSON with the url of one that the server keeps or finds by its id. " +
            "A WebSocket at the same path is for audio that is still spoken.",
          tags: ["Deepgram"],
          parameters: { properties: FIELDS.properties },
          response: {
            200: Type.Object({
              metadata: Type.Object({}, { additionalProperties: true }),
              results: Type.Object({}, { additionalProperties: true }),
            }),
          },
        },
      },
      (request, reply) => listen(service, request as FastifyRequest, reply),
    );
  });
}

async function listen(service: Service, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { call } = request;
  const created = new Date();
  const id = randomUUID();
  reply.header("dg-request-id", id);
  const work = async (file: FileHandle, sha256: string, asked: Asked): Promise<Done> => {
    const { model: name } = asked;
    // Clients name those of the service that they were made for.
    const model = (name && (await service.models.find(name))) || (await service.models.choose(undefined));
    return service.withModel(call, model, async (transcriber) => {
      const { languages, optionNames } = asked;
      const options = optionsFor(transcriber, asked);
      const working = service.transcribe(
        call,
        file,
        { transcriber, ...options, ...(languages && { languages }), speakersIfPossible: true },
        "timeout",
      );
      const work = await inFormLater(working, undefined, optionNames);
      return { asked, work, answered: { id, created, sha256, model: transcriber.info.model } };
    });
  };
  await call.attempt(
    async () => {
      requirePlain(request.headers["content-encoding"]);
      const { given, names } = parametersOf(request);
      const asked = readAsked(given, names);
      noteUnknown(service, request, asked.unknown);
      const type = mediaTypeOf(request);
      if (type === "application/json") return withNamed(service, request, (...of) => work(...of, asked));
      if (type === "multipart/form-data")
        throw new Refusal(
          "UNSUPPORTED_MEDIA_TYPE",
          "Expected the bytes of a recording as the body, or application/json with its url, but received multipart/form-data",
        );
      return service.withUpload(call, async (upload) => {
        const sha256 = await receive(service, request, upload, asked);
        return work(await upload.file(), sha256, asked);
      });
    },
    ({ answered, asked, work }) => {
      service.logSuccess(call, work);
      void reply.send(answerOf(work.result, asked, answered));
    },
    (reason) => void fail(service, request, reply, reason),
  );
  return reply;
}

function mediaTypeOf({ headers }: FastifyRequest): string {
  return (headers["content-type"] ?? "").split(";", 1)[0]!.trim().toLowerCase();
}

function parametersOf({ query }: FastifyRequest) {
  const parameters = query as Readonly<Record<string, string | string[] | undefined>>;
  return {
    names: Object.keys(parameters),
    given: (name: string) => (Object.hasOwn(parameters, name) ? [parameters[name] ?? []].flat() : []),
  };
}

/** The body's bytes into `upload`. @returns their SHA-256 */
async function receive(
  service: Service,
  request: FastifyRequest,
  upload: Upload,
  { raw }: Asked,
): Promise<string> {
  const { call } = request;
  const hash = createHash("sha256");
  // Clients say what samples are also where a header does.
  let beginning: Buffer | undefined = raw && Buffer.alloc(0);
  const begin = async (): Promise<void> => {
    if (!beginning || !raw) return;
    const first = beginning;
    beginning = undefined;
    if (!CONTAINERS.test(first.toString("latin1", 0, 4))) await upload.begin(wavHead(raw));
    await upload.write(first);
  };
  try {
    for await (const chunk of bodyOf(request.raw, call, service.settings)) {
      hash.update(chunk);
      if (!beginning) await upload.write(chunk);
      else {
        beginning = Buffer.concat([beginning, chunk]);
        if (beginning.length >= 4) await begin();
      }
    }
    if (beginning && beginning.length > 0) await begin();
  } finally {
    service.note(call, "", upload.bytes, mediaTypeOf(request));
  }
  if (upload.bytes === 0)
    throw new Refusal("INVALID_ARGUMENT", "Expected the bytes of a recording as the body but received none");
  return hash.digest("hex");
}

/** Does `work` with the recording that a body names. */
async function withNamed(
  service: Service,
  request: FastifyRequest,
  work: (file: FileHandle, sha256: string) => Promise<Done>,
): Promise<Done> {
  const { body, call, headers } = request;
  const url = typeof body === "object" && body !== null ? (body as { url?: unknown }).url : undefined;
  if (typeof url !== "string")
    throw new Refusal("INVALID_ARGUMENT", "Expected an object with url, the address of a recording", "url");
  const id = recordingNamedBy(url, service.settings, headers.host);
  if (id === undefined) {
    const message =
      "Expected the address of a recording that this server keeps or finds by its id " +
      `(RECORDINGS_STORE, /api/recordings/ID/audio) for url but received ${JSON.stringify(cut(url))}: no other is ` +
      "fetched. Send the recording's bytes as the body";
    throw new Refusal("INVALID_ARGUMENT", message, "url");
  }
  const opened = await openRecording(service, id, call);
  try {
    call.markReading();
    return await service.withFile(call, opened, async (file) => {
      call.markReceived();
      const { filename, sha256, type } = opened.recording;
      service.note(call, filename, (await file.stat()).size, type);
      return work(file, sha256 ?? "");
    });
  } finally {
    await opened.close();
  }
}
