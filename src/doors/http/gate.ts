import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import { TranscriptionError } from "../../index.js";
import { Access } from "../../service/access.js";
import { Unavailable } from "../../service/call/call.js";
import { RareWarnings } from "../../service/rare-warnings.js";
import type { Service } from "../../service/service.js";
import { variableOf } from "../../service/settings.js";
import type { TokenCheck } from "../../service/token-check.js";
import { offeredAuthorization } from "../../service/upgrades.js";
import { busy } from "../../service/workers.js";
import { crossOriginHeaders, preflightHeaders } from "./access.js";
import { Refusal } from "./failures.js";
import { MOST_BESIDE_FILE } from "./forms/limits.js";
import { prefersJob } from "./jobs/preference.js";
import { sessionIn } from "./page/session-cookie.js";

/** How a route is kept. Nothing said: it is a call, for those with the token. */
export type Keeping = "public" | "token" | "call";

declare module "fastify" {
  interface FastifyContextConfig {
    /** `public`: for everybody; `token`: for those with the token, no call; `call`, the default: counted, limited, drained. */
    keeping?: Keeping;
    /** What a call needs to be let in. Default: a worker, or room to wait for one. */
    needs?: "worker" | "model" | "nothing";
    /** Whether it is a job where its client prefers that, which waits for no worker. */
    mayBeJob?: boolean;
  }
}

/** Decides by a request's headers whether the rest of it is read. */
export class Gate {
  readonly #service: Service;
  readonly #tokens: TokenCheck;
  readonly #access: Access;
  readonly #refusals: RareWarnings;
  #phase: "loading" | "serving" | "closing" = "loading";

  constructor(service: Service, tokens: TokenCheck) {
    this.#service = service;
    this.#tokens = tokens;
    this.#access = new Access(service.settings, service.settings.httpHost);
    this.#refusals = new RareWarnings(service.log);
  }

  /** Calls are let in from now on. */
  open(): void {
    if (this.#phase === "loading") this.#phase = "serving";
  }

  /** None are from now on. */
  close(): void {
    this.#phase = "closing";
  }

  /**
   * Who asks, and from where. A browser that asks what it may send is answered here.
   * @throws Forbidden
   */
  checkOrigin(request: FastifyRequest, reply: FastifyReply): void {
    const { headers, method, routeOptions } = request;
    if (!this.#tokens.isNeeded) this.#access.checkHost(headers);
    const isPublic = method === "GET" && routeOptions.config?.keeping === "public";
    const origin = this.#access.checkOrigin(headers, isPublic);
    if (origin === undefined) return;
    if (method === "OPTIONS") void reply.code(204).headers(preflightHeaders(origin, headers)).send();
    else reply.headers(crossOriginHeaders(origin));
  }

  /** @throws Refusal UNAUTHENTICATED */
  checkToken({ headers, ip, method, routeOptions }: FastifyRequest): void {
    this.#requireToken(headers, headers.authorization, `${method} ${routeOptions.url ?? "elsewhere"}`, ip);
  }

  /**
   * Whether a WebSocket may be opened.
   * @param isVouched whether its client need not bring a token; false: he must though others need none
   * @throws Forbidden, Refusal UNAUTHENTICATED, Unavailable, TranscriptionError QUEUE_FULL
   */
  checkUpgrade(request: IncomingMessage, path: string, isVouched?: boolean): void {
    const { headers, socket } = request;
    if (!this.#tokens.isNeeded && isVouched === undefined) this.#access.checkHost(headers);
    this.#access.checkOrigin(headers, false);
    const address = socket.remoteAddress ?? "unknown";
    const name = `GET ${path}`;
    if (isVouched === false && !this.#tokens.isNeeded) {
      const message = `Expected a signature of ${path}, made with the secret that the server has for it`;
      throw this.#refusal(name, address, "no signature, or a wrong one", message);
    }
    if (!isVouched) this.#requireToken(headers, offeredAuthorization(request), name, address);
    this.#checkPhase(true);
  }

  /** @param authorization that is offered, wherever that may be */
  #requireToken(
    { cookie }: IncomingHttpHeaders,
    authorization: string | undefined,
    name: string,
    ip: string,
  ): void {
    if (this.#tokens.accepts(authorization)) return;
    const session = sessionIn(cookie);
    if (session !== undefined && this.#tokens.acceptsSession(session)) return;
    const message = authorization
      ? "Expected another API token"
      : "Expected the API token, as authorization: Bearer …";
    throw this.#refusal(name, ip, "no token, or a wrong one", message);
  }

  /** Has the log say why a call is refused. @param message what its client is told */
  #refusal(name: string, ip: string, why: string, message: string): Refusal {
    this.#refusals.warn(`Refused a call of ${name} from ${ip}: ${why}`, {
      method: name,
      peer: ip,
      code: "UNAUTHENTICATED",
    });
    return new Refusal("UNAUTHENTICATED", message, undefined, { "www-authenticate": "Bearer" });
  }

  /** As {@link TokenCheck.newSession}. */
  newSession({ headers }: FastifyRequest): string | undefined {
    return this.#tokens.newSession(headers.authorization);
  }

  /**
   * Whether there is room for a call, as far as that can be told before it is read.
   * @throws Unavailable, TranscriptionError QUEUE_FULL, AUDIO_TOO_LARGE
   */
  checkRoom({ headers, routeOptions }: FastifyRequest): void {
    const { mayBeJob, needs = "worker" } = routeOptions.config ?? {};
    const isWaiting = needs === "worker" && !(mayBeJob && prefersJob(headers));
    this.#checkPhase(needs !== "nothing");
    const { budgets, settings, workers } = this.#service;
    const length = Number(headers["content-length"] ?? 0);
    if (length === 0 && headers["transfer-encoding"] === undefined) return;
    if (length > settings.maxUploadBytes + MOST_BESIDE_FILE) {
      const message = `The recording is larger than limits.maxBytes (${settings.maxUploadBytes} bytes): the request has ${length}`;
      throw new TranscriptionError("AUDIO_TOO_LARGE", message);
    }
    if (isWaiting && workers.isFull) throw new TranscriptionError("QUEUE_FULL", busy(settings.maxQueue));
    if (budgets.disk.used + length > budgets.disk.total)
      throw new TranscriptionError("QUEUE_FULL", budgets.disk.full);
  }

  /** @param needsModel whether it can be answered only by the model */
  #checkPhase(needsModel: boolean): void {
    if (this.#phase === "loading" && needsModel) throw new Unavailable("The model is being loaded");
    if (this.#phase === "closing") {
      const headers = { connection: "close" };
      throw new Refusal("UNAVAILABLE", "The server is shutting down", undefined, headers);
    }
    const { calls, settings } = this.#service;
    if (calls.size >= settings.maxCalls) {
      const message = `${calls.size} calls are open, the most that ${variableOf("maxCalls")} allows`;
      throw new TranscriptionError("QUEUE_FULL", message);
    }
  }
}
