import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import Type from "typebox";
import { isStore } from "../../../service/recordings/store.js";
import type { Service } from "../../../service/service.js";
import { type PageFile, pageFiles } from "./files.js";

const YEAR = 365 * 24 * 3600;
/** Nothing but the server's own, and neither script nor style in the page itself. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src-elem 'self'",
  "img-src 'self' data:",
  "media-src 'self' blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");
const HEADERS = {
  "content-security-policy": POLICY,
  "referrer-policy": "no-referrer",
  "permissions-policy": "microphone=(self)",
  "cross-origin-opener-policy": "same-origin",
};
const FACTS = Type.Object({
  recordings: Type.Boolean({ description: "Whether recordings are kept, to be played again" }),
  finds_recordings: Type.Boolean({
    description: "Whether it has recordings that can be asked for by their ids",
  }),
  times_words: Type.Boolean({ description: "Whether the server's own model tells the times of words" }),
});

/** The page for people, at `/`, and what it needs to know of this server. */
export function addPage(app: FastifyInstance, service: Service): void {
  for (const [url, file] of pageFiles())
    app.get(url, { config: { keeping: "public" } }, (request, reply) => sendFile(file, request, reply));
  app.get(
    "/api/page",
    {
      config: { needs: "model" },
      schema: { summary: "What the page needs to know", tags: ["Server"], response: { 200: FACTS } },
    },
    async () => ({
      recordings: service.recordings !== undefined && isStore(service.recordings),
      finds_recordings: service.recordings !== undefined,
      times_words: service.models.main.timesWords,
    }),
  );
}

function sendFile(file: PageFile, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { brotli, bytes, etag, isHashed, type } = file;
  reply
    .headers(HEADERS)
    .header("etag", etag)
    .header("vary", "accept-encoding")
    .header("cache-control", isHashed ? `public, max-age=${YEAR}, immutable` : "no-cache");
  if (request.headers["if-none-match"] === etag) return reply.code(304).send();
  const isSmall = brotli !== undefined && /\bbr\b/.test(String(request.headers["accept-encoding"] ?? ""));
  if (isSmall) reply.header("content-encoding", "br");
  return reply.type(type).send(isSmall ? brotli : bytes);
}
