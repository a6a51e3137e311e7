import type { FastifyInstance } from "fastify";
import Type from "typebox";
import type { KnownModel } from "../../../service/models/downloads.js";
import type { Service } from "../../../service/service.js";
import { cut } from "../../../service/text.js";
import { Refusal } from "../failures.js";

const DOWNLOAD = Type.Object({
  received: Type.Integer({ description: "Bytes that are here" }),
  total: Type.Union([Type.Integer(), Type.Null()]),
  error: Type.Union([Type.Object({ code: Type.String(), message: Type.String() }), Type.Null()], {
    description: "Why it has stopped; null: it goes on",
  }),
});
const MODEL = Type.Object({
  name: Type.String(),
  kind: Type.String({ description: "whisper, vad or diarization" }),
  bytes: Type.Integer({ description: "Of its file" }),
  licence: Type.String(),
  description: Type.String(),
  installed: Type.Boolean(),
  download: Type.Union([DOWNLOAD, Type.Null()]),
});
const LIST = Type.Object({
  downloads: Type.Boolean({ description: "MODEL_DOWNLOADS: whether clients may ask for downloads" }),
  models: Type.Array(MODEL),
});

const TAGS = ["Models"];
const CONFIG = { needs: "nothing" } as const;
const ONE = "/api/models/:name([A-Za-z0-9._-]+)/download";
interface ByName {
  Params: { name: string };
}

/** `GET /api/models`: models that are known by name; `POST` and `DELETE` of one's download: begins it, stops it. */
export function addModelDownloads(app: FastifyInstance, { downloads }: Service): void {
  app.get(
    "/api/models",
    {
      config: CONFIG,
      schema: { summary: "Models that can be downloaded", tags: TAGS, response: { 200: LIST } },
    },
    async () => ({ downloads: downloads.isAllowed, models: (await downloads.list()).map(shown) }),
  );
  app.post<ByName>(
    ONE,
    {
      config: CONFIG,
      schema: {
        summary: "Download a model",
        tags: TAGS,
        response: { 202: Type.Object({ name: Type.String() }) },
      },
    },
    async ({ params: { name } }, reply) => {
      await downloads.start(name);
      return reply.code(202).send({ name });
    },
  );
  app.delete<ByName>(
    ONE,
    {
      config: CONFIG,
      schema: { summary: "Stop its download", tags: TAGS, response: { 204: { type: "null" } } },
    },
    async ({ params: { name } }, reply) => {
      if (!downloads.cancel(name))
        throw new Refusal("NOT_FOUND", `Model ${cut(name)} is not being downloaded`, "name");
      return reply.code(204).send();
    },
  );
}

function shown({ bytes, description, download, isHere, kind, licence, name }: KnownModel) {
  return {
    name,
    kind,
    bytes,
    licence,
    description,
    installed: isHere,
    download: download
      ? {
          received: download.received,
          total: download.total ?? null,
          error: download.error
            ? { code: download.error.code, message: cut(download.error.message, LONGEST_REASON) }
            : null,
        }
      : null,
  };
}

/** Characters of why a download has stopped. */
const LONGEST_REASON = 300;
