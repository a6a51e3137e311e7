import type { FastifyInstance } from "fastify";
import { SESSION_SECONDS } from "../../../service/page-session.js";
import type { Gate } from "../gate.js";
import { SESSION_COOKIE } from "./session-cookie.js";

/**
 * `POST /api/session` with the token: from then on the browser brings a cookie in its place, which no script can read and
 * no other site can have it send.
 */
export function addSession(app: FastifyInstance, gate: Gate, isSecure: boolean): void {
  app.post(
    "/api/session",
    {
      config: { keeping: "token" },
      schema: {
        summary: "Have a browser known by a cookie",
        tags: ["Server"],
        response: { 204: { type: "null" } },
      },
    },
    async (request, reply) => {
      const session = gate.newSession(request);
      // A proxy in front may add TLS.
      const overTls = isSecure || request.headers.origin?.startsWith("https:") === true;
      const flags = `Path=/; HttpOnly; SameSite=Strict; Max-Age=${SESSION_SECONDS}${overTls ? "; Secure" : ""}`;
      if (session !== undefined) reply.header("set-cookie", `${SESSION_COOKIE}=${session}; ${flags}`);
      return reply.code(204).send();
    },
  );
}
