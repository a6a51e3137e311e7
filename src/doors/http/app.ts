import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
} from "fastify";
import type { Call } from "../../service/call/call.js";
import { REQUEST_ID, requestIdFrom } from "../../service/request-id.js";
import type { Service } from "../../service/service.js";
import { type Pem, secureContextOf } from "../../service/tls-files.js";
import { beginCall, mustGoOn, mustRead, stopSending } from "./calls.js";
import {
  deepgramError,
  type Failure,
  failureOf,
  modelError,
  openaiError,
  type Reason,
  Refusal,
  reasonOf,
  recordingError,
} from "./failures.js";
import type { Gate } from "./gate.js";

declare module "fastify" {
  interface FastifyRequest {
    /** The call that it is; only where its route is one. */
    call: Call;
    /** Whether there was room for it. */
    isLetIn: boolean;
  }
}

/** Milliseconds for a request's headers, and for the next request on a connection. */
const HEADERS_TIMEOUT = 10_000;
const KEEP_ALIVE = 72_000;
/** Milliseconds between two looks for connections that have taken too long. */
const LOOK_EVERY = 1000;
const MAX_HEADER_BYTES = 16 * 1024;
/** Bytes of a body that is no form: JSON. */
const MAX_JSON_BYTES = 1024 ** 2;
/** Times the usual patience for who reads a file as it is played. */
const PLAYING = 10;
/** Characters of a part of a path, such as the name of a model. */
const LONGEST_PART = 300;

/** Fastify with the limits of this server, and none of its routes. @param pem undefined: without TLS */
export function createApp(service: Service, gate: Gate, pem: Pem | undefined): FastifyInstance {
  const app = fastify({
    serverFactory: (handler) => createListener(service, pem, handler),
    // Answers to those who come too late are the gate's.
    return503OnClosing: false,
    requestIdHeader: false,
    genReqId: ({ headers }) => requestIdFrom(String(headers[REQUEST_ID] ?? "")),
    bodyLimit: MAX_JSON_BYTES,
    routerOptions: { maxParamLength: LONGEST_PART },
    // A request without route, or a path that is none.
    frameworkErrors: (error, request, reply) => fail(service, request, reply as FastifyReply, error),
  });
  app.decorateRequest("call", null as unknown as Call);
  app.decorateRequest("isLetIn", false);
  // What answers look like is said for readers: nothing is left out of them for it.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  // Forms are read by who knows what to do with their files.
  app.addContentTypeParser("multipart/form-data", (_request, _payload, done) => done(null));
  app.addContentTypeParser(/^(audio|video)\/|^application\/octet-stream/, (_request, _payload, done) =>
    done(null),
  );
  app.addHook("onRequest", async (request, reply) => {
    reply.header(REQUEST_ID, request.id).header("x-content-type-options", "nosniff");
    stopSending(request, reply);
    const { keeping = "call" } = request.routeOptions.config ?? {};
    const isCall = keeping === "call" && !request.is404;
    if (isCall) request.call = beginCall(service, request, reply);
    gate.checkOrigin(request, reply);
    if (reply.sent) return reply;
    if (keeping !== "public") gate.checkToken(request);
    if (!isCall) return;
    gate.checkRoom(request);
    service.calls.add(request.call);
    request.isLetIn = true;
  });
  // Who waits to be told to send its body is told only when it is going to be read.
  app.addHook("preParsing", async ({ headers }, { raw }) => {
    if (/100-continue/i.test(headers.expect ?? "")) raw.writeContinue();
  });
  app.addHook("onSend", async (request, reply, payload) => {
    const bytes = typeof payload === "string" ? Buffer.byteLength(payload) : 0;
    const { idleTimeout } = service.settings;
    if (typeof payload === "string") mustRead(reply, request.call, bytes, idleTimeout);
    // A player reads ahead, and then nothing while it plays.
    else if (payload) mustGoOn(reply, PLAYING * idleTimeout);
    return payload;
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split("?", 1)[0]!;
    const others = ["GET", "POST", "PUT", "DELETE"].filter((method) =>
      app.findRoute({ method: method as "GET", url: path }),
    );
    const refusal =
      others.length > 0
        ? new Refusal(
            "METHOD_NOT_ALLOWED",
            `Expected ${others.join(" or ")} for ${path} but received ${request.method}`,
            undefined,
            { allow: others.join(", ") },
          )
        : new Refusal("NOT_FOUND", `There is nothing at ${request.method} ${path}: see /docs`);
    return fail(service, request, reply, refusal);
  });
  app.setErrorHandler((error, request, reply) => fail(service, request, reply, error));
  return app;
}

type Handler = Parameters<typeof createServer>[1];

function createListener(service: Service, pem: Pem | undefined, handler: Handler) {
  const options = {
    headersTimeout: Math.min(HEADERS_TIMEOUT, service.settings.idleTimeout * 1000),
    // A body's time is SERVER_UPLOAD_TIMEOUT.
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE,
    connectionsCheckingInterval: LOOK_EVERY,
    maxHeaderSize: MAX_HEADER_BYTES,
  };
  const tls = pem && { ...secureContextOf(pem), requestCert: pem.authority !== undefined };
  const server = tls ? createTlsServer({ ...options, ...tls }, handler) : createServer(options, handler);
  server.maxConnections = service.settings.maxConnections;
  server.on("checkContinue", (request, response) => server.emit("request", request, response));
  return server;
}

/** Answers a request that has failed, unless its client is gone, and has the log say so. */
export function fail(
  service: Service,
  request: FastifyRequest,
  reply: FastifyReply,
  error: unknown,
): FastifyReply {
  const { call, id } = request;
  const reason = fromFramework(error);
  const failure = failureOf(reason, id, service.workers.retryAfter);
  if (call) {
    // Of those who were not let in there may be any number.
    if (request.isLetIn) service.logFailure(call, reason, failure.message, failure.reason);
    call.outcome ??= failure.reason;
  } else if (failure.reason === "INTERNAL") {
    service.log.about(id).error(`Failed: ${(reason as Error).stack ?? reason}`);
  }
  if (failure.reason === "CANCELLED" || reply.raw.destroyed) return reply.hijack();
  return reply
    .code(failure.status)
    .headers(failure.headers)
    .type("application/json; charset=utf-8")
    .send(JSON.stringify(written(failure, request)));
}

function written(failure: Failure, { id, url }: FastifyRequest): object {
  if (/^\/api\/ps\b/.test(url)) return modelError(failure, id);
  if (/^\/v1\/listen\b/.test(url)) return deepgramError(failure, id);
  return url.startsWith("/api/") ? recordingError(failure, id) : openaiError(failure);
}

const OF_STATUS: Readonly<Record<number, Reason>> = {
  404: "NOT_FOUND",
  405: "METHOD_NOT_ALLOWED",
  413: "REQUEST_TOO_LARGE",
  414: "NOT_FOUND",
  415: "UNSUPPORTED_MEDIA_TYPE",
};

/** A failure that Fastify has found, as one of ours. */
function fromFramework(error: unknown): unknown {
  const { code, message, statusCode, validation } = error as FastifyError;
  if (validation?.[0]) {
    const { instancePath, params } = validation[0];
    const field =
      instancePath.slice(1).replaceAll("/", ".") ||
      String(params.missingProperty ?? params.additionalProperty ?? "");
    return new Refusal("INVALID_ARGUMENT", message, field === "" ? undefined : field);
  }
  if (!code?.startsWith?.("FST_") || statusCode === undefined || statusCode >= 500) return error;
  if (reasonOf(error) !== "INTERNAL") return error;
  return new Refusal(OF_STATUS[statusCode] ?? "INVALID_ARGUMENT", message);
}
