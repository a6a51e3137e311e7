import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import Type from "typebox";
import type { Call } from "../../../service/call/call.js";
import {
  isStore,
  type OpenRecording,
  type RecordingSource,
  type RecordingStore,
  type StoredRecording,
} from "../../../service/recordings/store.js";
import type { Service } from "../../../service/service.js";
import { variableOf } from "../../../service/settings.js";
import { cut } from "../../../service/text.js";
import { fail } from "../app.js";
import { Refusal } from "../failures.js";
import { rangeOf } from "./range.js";
import { receiveRecording } from "./receive.js";

const RECORDING = Type.Object({
  id: Type.String(),
  filename: Type.String(),
  type: Type.String({ description: "Media type" }),
  bytes: Type.Union([Type.Integer(), Type.Null()], {
    description: "null where another system keeps the recording, and does not tell",
  }),
  sha256: Type.Union([Type.String(), Type.Null()]),
  created_at: Type.Union([Type.String(), Type.Null()], { description: "ISO 8601" }),
});
const UPLOAD = Type.Object({
  filename: Type.Optional(Type.String({ description: "Of a body that is no form" })),
});
const QUERY = Type.Object({
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
  after: Type.Optional(Type.String({ description: "Id of the recording after which to go on" })),
});
const LIST = Type.Object({ recordings: Type.Array(RECORDING), has_more: Type.Boolean() });
const FORM = {
  type: "object",
  required: ["file"],
  properties: { file: { type: "string", contentEncoding: "binary", description: "The recording" } },
};
const TAGS = ["Recordings"];

/** A recording in a path: what is no id has no route. */
export const BY_ID = "/api/recordings/:id([A-Za-z0-9_-]+)";
export interface ById {
  Params: { id: string };
}

/** `POST /api/recordings`, and one of them: what it is, its bytes, deleting it. */
export function addRecordings(app: FastifyInstance, service: Service): void {
  app.post<{ Querystring: Type.Static<typeof UPLOAD> }>(
    "/api/recordings",
    {
      schema: {
        summary: "Keep a recording",
        tags: TAGS,
        querystring: UPLOAD,
        form: FORM,
        response: { 201: RECORDING },
      },
    },
    (request, reply) => keep(service, request, reply, request.query.filename ?? ""),
  );
  app.get<{ Querystring: Type.Static<typeof QUERY> }>(
    "/api/recordings",
    {
      config: { needs: "nothing" },
      schema: {
        summary: "Recordings that are kept, newest first",
        tags: TAGS,
        querystring: QUERY,
        response: { 200: LIST },
      },
    },
    async ({ query: { after, limit } }) => {
      const page = await storeOf(service).list({ limit, after: after || undefined });
      return { recordings: page.recordings.map(shown), has_more: page.hasMore };
    },
  );
  app.get<ById>(
    BY_ID,
    { schema: { summary: "What a recording is", tags: TAGS, response: { 200: RECORDING } } },
    async ({ call, params }) => shown(await keptRecording(service, params.id, call)),
  );
  app.route<ById>({
    // The HEAD that is made of a GET says that what was not sent has no bytes.
    method: ["GET", "HEAD"],
    exposeHeadRoute: false,
    url: `${BY_ID}/audio`,
    schema: {
      summary: "Its bytes, or a range of them",
      tags: TAGS,
      produces: { "application/octet-stream": "The file" },
    },
    handler: async ({ call, headers, params }, reply) =>
      sendAudio(await openRecording(service, params.id, call), headers.range, reply),
  });
  app.delete<ById>(
    BY_ID,
    { schema: { summary: "Delete a recording", tags: TAGS, response: { 204: { type: "null" } } } },
    async ({ params }, reply) => {
      requireFound((await storeOf(service, "GET, HEAD").delete(params.id)) || undefined, params.id);
      return reply.code(204).send();
    },
  );
}

async function keep(
  service: Service,
  request: FastifyRequest,
  reply: FastifyReply,
  filename: string,
): Promise<FastifyReply> {
  const { call } = request;
  await call.attempt(
    async () => {
      const store = storeOf(service);
      const recording = await service.withUpload(call, async (upload) => {
        const facts = await receiveRecording(request, service, upload, filename);
        return store.put(await upload.file(), facts, call.signal);
      });
      // Nobody learns its id any more.
      if (call.signal.aborted) await store.delete(recording.id);
      return recording;
    },
    (recording) => {
      reply.code(201).header("location", `/api/recordings/${recording.id}`);
      void reply.send(shown(recording));
    },
    (reason) => void fail(service, request, reply, reason),
  );
  return reply;
}

async function sendAudio(
  opened: OpenRecording,
  asked: string | undefined,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { bytes, createdAt, type } = opened.recording;
  const { call, method } = reply.request;
  try {
    // Ranges are GET's alone (RFC 9110, 14.2).
    const range = method === "HEAD" || bytes === undefined ? undefined : rangeOf(asked, bytes);
    const body = method === "HEAD" || bytes === 0 ? undefined : await opened.read(range, call.signal);
    const length = range ? range.end - range.start + 1 : bytes;
    reply
      .code(range ? 206 : 200)
      .type(type)
      // A page that somebody sent as a recording is none of ours.
      .header("content-security-policy", "sandbox; default-src 'none'; media-src 'self'")
      .header("accept-ranges", bytes === undefined ? "none" : "bytes");
    if (createdAt) reply.header("last-modified", createdAt.toUTCString());
    if (length !== undefined) reply.header("content-length", length);
    if (range) reply.header("content-range", `bytes ${range.start}-${range.end}/${bytes}`);
    if (body) return reply.send(body);
    await opened.close();
    return reply.send();
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** @throws Refusal NOT_FOUND; TranscriptionError STORAGE_FAILED */
export async function openRecording(service: Service, id: string, { signal }: Call): Promise<OpenRecording> {
  return requireFound(await sourceOf(service).open(id, signal), id);
}

/** @param param what the request calls it @throws Refusal NOT_FOUND */
export async function keptRecording(
  service: Service,
  id: string,
  call: Call,
  param = "id",
): Promise<StoredRecording> {
  return requireFound(await sourceOf(service).stat(id, call.signal), id, param);
}

/** @throws Refusal NOT_FOUND */
function requireFound<T>(found: T | undefined, id: string, param = "id"): T {
  if (found !== undefined) return found;
  throw new Refusal("NOT_FOUND", `There is no recording ${cut(id)}`, param);
}

/** @throws Refusal NOT_FOUND where none are kept */
function sourceOf({ recordings }: Service): RecordingSource {
  if (recordings) return recordings;
  throw new Refusal(
    "NOT_FOUND",
    `This server keeps no recordings: ${variableOf("recordingsStore")} says where it may`,
  );
}

/**
 * @param allow methods that there are where another system keeps them
 * @throws Refusal NOT_FOUND where none are kept; METHOD_NOT_ALLOWED where somebody else keeps them
 */
function storeOf(service: Service, allow = ""): RecordingStore {
  const source = sourceOf(service);
  if (isStore(source)) return source;
  const message = `Another system keeps the recordings (${variableOf("recordingsStore")}): here they are only read`;
  throw new Refusal("METHOD_NOT_ALLOWED", message, undefined, { allow });
}

function shown({
  bytes,
  createdAt,
  filename,
  id,
  sha256,
  type,
}: StoredRecording): Type.Static<typeof RECORDING> {
  const created_at = createdAt?.toISOString() ?? null;
  return { id, filename, type, bytes: bytes ?? null, sha256: sha256 ?? null, created_at };
}
