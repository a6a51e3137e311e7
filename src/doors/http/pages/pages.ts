import { randomBytes } from "node:crypto";
import type { FastifyInstance } from "fastify";
import Type from "typebox";
import { VERSION } from "../../../index.js";
import type { Description } from "./description.js";
import { documentation } from "./documentation.js";

/** What the pages show of the server. */
export interface Pages {
  metrics(): Promise<string>;
  /** Why no calls are accepted now; undefined: they are. */
  notReady(): string | undefined;
}

const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";
const HEALTH = Type.Object({ status: Type.Literal("ok"), version: Type.String() });
const READY = Type.Object({
  status: Type.Union([
    Type.Literal("ok"),
    Type.Literal("loading"),
    Type.Literal("failed"),
    Type.Literal("stopping"),
    Type.Literal("storage"),
  ]),
});

/** Pages about the server: whether it lives, whether it takes calls, what it counts, what it can be asked. */
export function addPages(app: FastifyInstance, { metrics, notReady }: Pages, description: Description): void {
  const open = { config: { keeping: "public" } } as const;
  const tags = ["Server"];
  app.get(
    "/health",
    { ...open, schema: { summary: "The process answers", tags, response: { 200: HEALTH } } },
    async () => ({ status: "ok", version: VERSION }),
  );
  app.get(
    "/ready",
    { ...open, schema: { summary: "Calls are taken", tags, response: { 200: READY, 503: READY } } },
    async (_, reply) => {
      const reason = notReady();
      return reply.code(reason === undefined ? 200 : 503).send({ status: reason ?? "ok" });
    },
  );
  app.get(
    "/metrics",
    {
      config: { keeping: "token" },
      schema: { summary: "What is counted, for Prometheus", tags, produces: { "text/plain": "Samples" } },
    },
    async (_, reply) => reply.type(METRICS_TYPE).send(await metrics()),
  );
  app.get(
    "/openapi.json",
    { ...open, schema: { summary: "This description", tags, response: { 200: { type: "object" } } } },
    async () => description.document(),
  );
  app.get(
    "/docs",
    {
      ...open,
      schema: { summary: "This description, for reading", tags, produces: { "text/html": "A page" } },
    },
    async (_, reply) => {
      const nonce = randomBytes(16).toString("base64");
      const policy = `default-src 'none'; style-src 'nonce-${nonce}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
      return reply
        .header("content-security-policy", policy)
        .header("referrer-policy", "no-referrer")
        .type("text/html; charset=utf-8")
        .send(documentation(description, nonce));
    },
  );
}
