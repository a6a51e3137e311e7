import type { IncomingMessage } from "node:http";
import { TranscriptionError } from "../../index.js";
import { Access, Forbidden } from "../../service/access.js";
import { Unavailable } from "../../service/call/call.js";
import { RareWarnings } from "../../service/rare-warnings.js";
import type { Service } from "../../service/service.js";
import { variableOf } from "../../service/settings.js";
import type { TokenCheck } from "../../service/token-check.js";
import { offeredAuthorization, queryOf } from "../../service/upgrades.js";
import { failureOf, Unauthenticated } from "./failures.js";

/** What a connection is refused with. */
export interface Refused {
  status: number;
  headers: Record<string, string>;
  body: string;
}

const STATUSES: Readonly<Record<string, number>> = {
  UNAUTHENTICATED: 401,
  QUEUE_FULL: 429,
  UNAVAILABLE: 503,
};
/** Retry hint in seconds. */
const RETRY_AFTER = "1";

/** Decides who may open a connection on a port of a live door. */
export class Keeper {
  readonly #service: Service;
  readonly #tokens: TokenCheck;
  readonly #access: Access;
  readonly #refusals: RareWarnings;
  readonly #name: string;
  #phase: "loading" | "serving" | "closing" = "loading";

  /** @param name of the door, for the log */
  constructor(service: Service, tokens: TokenCheck, name: string) {
    this.#service = service;
    this.#tokens = tokens;
    this.#name = name;
    // Those that WhisperLive has come with it.
    this.#access = new Access(service.settings, service.settings.liveHost, { takesExtensions: true });
    this.#refusals = new RareWarnings(service.log);
  }

  /** Connections are let in from now on. */
  open(): void {
    if (this.#phase === "loading") this.#phase = "serving";
  }

  /** None are from now on. */
  close(): void {
    this.#phase = "closing";
  }

  /** @returns why a WebSocket is not opened; undefined: it may be */
  refusal(request: IncomingMessage, requestId: string): Refused | undefined {
    try {
      this.#checkOrigin(request);
      this.#checkToken(request);
      this.checkRoom();
      return undefined;
    } catch (error) {
      if (error instanceof Forbidden) return refused(403, "FORBIDDEN", error.message);
      const { reason, message } = failureOf(error, requestId);
      return refused(STATUSES[reason] ?? 500, reason, message);
    }
  }

  /** @throws Unavailable, TranscriptionError QUEUE_FULL */
  checkRoom(): void {
    if (this.#phase === "loading") throw new Unavailable("The model is being loaded");
    if (this.#phase === "closing") throw new Unavailable("The server is shutting down");
    const { calls, settings } = this.#service;
    if (calls.size < settings.maxCalls) return;
    const message = `${calls.size} calls are open, the most that ${variableOf("maxCalls")} allows`;
    throw new TranscriptionError("QUEUE_FULL", message);
  }

  #checkOrigin({ headers }: IncomingMessage): void {
    if (!this.#tokens.isNeeded) this.#access.checkHost(headers);
    this.#access.checkOrigin(headers, false);
  }

  #checkToken(request: IncomingMessage): void {
    const query = queryOf(request).get("token");
    const offered = offeredAuthorization(request) ?? (query === null ? undefined : `Bearer ${query}`);
    if (this.#tokens.accepts(offered)) return;
    const peer = request.socket.remoteAddress ?? "unknown";
    this.#refusals.warn(`Refused a connection of ${this.#name} from ${peer}: no token, or a wrong one`, {
      method: this.#name,
      peer,
      code: "UNAUTHENTICATED",
    });
    throw new Unauthenticated("Expected the API token, as authorization: Bearer …, or ?token=…");
  }
}

function refused(status: number, code: string, message: string): Refused {
  const headers: Record<string, string> = {
    ...(status === 401 && { "www-authenticate": "Bearer" }),
    ...((status === 429 || status === 503) && { "retry-after": RETRY_AFTER }),
  };
  return { status, headers, body: JSON.stringify({ error: { message, code } }) };
}
