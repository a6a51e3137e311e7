import type { IncomingMessage } from "node:http";
import type { Service } from "../../service/service.js";
import type { TokenCheck } from "../../service/token-check.js";
import {
  protocolsOf,
  queryOf,
  type UpgradeRoute,
  type UpgradeRoutes,
  type Upgrades,
} from "../../service/upgrades.js";
import { Handshake, type HandshakeOptions } from "./handshake.js";
import { RealtimeSession } from "./realtime/session.js";
import { Sessions } from "./sessions.js";

/** Bytes of a message of OpenAI's clients: 15 MiB of audio in base64, and what stands around it. */
const REALTIME_MESSAGE = 16 * 1024 ** 2;

/** Live doors on the port of HTTP. */
export class LiveRoutes implements Upgrades {
  readonly #service: Service;
  readonly #sessions = new Sessions();

  constructor(service: Service) {
    this.#service = service;
  }

  routes(_tokens: TokenCheck): UpgradeRoutes {
    const realtime = this.#route({
      method: "GET /v1/realtime",
      maxMessage: REALTIME_MESSAGE,
      open: (connection, request) =>
        new RealtimeSession(connection, {
          isBeta: isBeta(request),
          model: queryOf(request).get("model") ?? undefined,
        }),
    });
    return new Map([
      ["/v1/realtime", realtime],
      ["/realtime", realtime],
    ]);
  }

  windUp(): Promise<void> {
    return this.#sessions.windUp();
  }

  break(): void {
    this.#sessions.break();
  }

  #route(options: HandshakeOptions, more: Omit<UpgradeRoute, "upgrade"> = {}): UpgradeRoute {
    const handshake = new Handshake(this.#service, this.#sessions, options);
    return { ...more, upgrade: (request, socket, head) => handshake.upgrade(request, socket, head) };
  }
}

function isBeta(request: IncomingMessage): boolean {
  const header = String(request.headers["openai-beta"] ?? "");
  return header.includes("realtime=v1") || protocolsOf(request).includes("openai-beta.realtime-v1");
}
