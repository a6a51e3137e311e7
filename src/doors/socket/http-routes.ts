import type { IncomingMessage } from "node:http";
import type { Service } from "../../service/service.js";
import { isSignedByTwilio } from "../../service/telephony/twilio-signature.js";
import {
  protocolsOf,
  queryOf,
  type Upgrade,
  type UpgradeRoute,
  type UpgradeRoutes,
  type Upgrades,
} from "../../service/upgrades.js";
import { readListening } from "./deepgram/query.js";
import { DeepgramSession } from "./deepgram/session.js";
import { Handshake, type HandshakeOptions } from "./handshake.js";
import { RealtimeSession } from "./realtime/session.js";
import { Sessions } from "./sessions.js";
import { TwilioSession } from "./twilio/session.js";

/** Bytes of a message of OpenAI's clients: 15 MiB of audio in base64, and what stands around it. */
const REALTIME_MESSAGE = 16 * 1024 ** 2;

/** Where Twilio opens its media streams. */
const TWILIO = "/api/calls/twilio";

/** Live doors on the port of HTTP. */
export class LiveRoutes implements Upgrades {
  readonly routes: UpgradeRoutes;
  readonly #sessions = new Sessions();

  constructor(service: Service) {
    const upgrade = (options: HandshakeOptions): Upgrade => {
      const handshake = new Handshake(service, this.#sessions, options);
      return (request, socket, head) => handshake.upgrade(request, socket, head);
    };
    const realtime = upgrade({
      method: "GET /v1/realtime",
      maxMessage: REALTIME_MESSAGE,
      open: (connection, request) =>
        new RealtimeSession(connection, {
          isBeta: isBeta(request),
          model: queryOf(request).get("model") ?? undefined,
        }),
    });
    const listen = upgrade({
      method: "GET /v1/listen",
      open: (connection, request) => new DeepgramSession(connection, readListening(queryOf(request))),
    });
    const twilio = upgrade({
      method: `GET ${TWILIO}`,
      open: (connection) => new TwilioSession(connection),
    });
    this.routes = new Map<string, UpgradeRoute>([
      ["/v1/realtime", { upgrade: realtime }],
      ["/realtime", { upgrade: realtime }],
      ["/v1/listen", { upgrade: checked(listen, (request) => readListening(queryOf(request))) }],
      [
        TWILIO,
        {
          upgrade: twilio,
          vouches: (request) => {
            const { twilioAuthToken } = service.settings;
            return twilioAuthToken === undefined ? undefined : isSignedByTwilio(request, twilioAuthToken);
          },
        },
      ],
    ]);
  }

  windUp(): Promise<void> {
    return this.#sessions.windUp();
  }

  break(): void {
    this.#sessions.break();
  }
}

/** As `upgrade`, for requests that `check` throws nothing about. */
function checked(upgrade: Upgrade, check: (request: IncomingMessage) => void): Upgrade {
  return (request, socket, head) => {
    check(request);
    upgrade(request, socket, head);
  };
}

function isBeta(request: IncomingMessage): boolean {
  const header = String(request.headers["openai-beta"] ?? "");
  return header.includes("realtime=v1") || protocolsOf(request).includes("openai-beta.realtime-v1");
}
