import type { IncomingMessage } from "node:http";
import { Access, Forbidden } from "../../service/access.js";
import { RareWarnings } from "../../service/rare-warnings.js";
import type { Service } from "../../service/service.js";
import type { TokenCheck } from "../../service/token-check.js";
import { offeredAuthorization, queryOf } from "../../service/upgrades.js";
import { failureOf, Unauthenticated } from "./failures.js";
import type { Room } from "./room.js";

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
  readonly #room: Room;
  readonly #tokens: TokenCheck;
  readonly #access: Access;
  readonly #refusals: RareWarnings;
  readonly #name: string;

  /** @param name of the door, for the log */
  constructor(service: Service, room: Room, tokens: TokenCheck, name: string) {
    this.#room = room;
    this.#tokens = tokens;
    this.#name = name;
    // Those that WhisperLive has come with it.
    this.#access = new Access(service.settings, service.settings.liveHost, { takesExtensions: true });
    this.#refusals = new RareWarnings(service.log);
  }

  /** @returns why a WebSocket is not opened; undefined: it may be */
  refusal(request: IncomingMessage, requestId: string): Refused | undefined {
    try {
      this.#checkOrigin(request);
      this.#checkToken(request);
      this.#room.check();
      return undefined;
    } catch (error) {
      if (error instanceof Forbidden) return refused(403, "FORBIDDEN", error.message);
      const { reason, message } = failureOf(error, requestId);
      return refused(STATUSES[reason] ?? 500, reason, message);
    }
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
