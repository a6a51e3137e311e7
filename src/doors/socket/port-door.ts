import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type Server as TlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { listen } from "../../service/listen.js";
import { REQUEST_ID, requestIdFrom } from "../../service/request-id.js";
import { FLUSH_SECONDS, type Service } from "../../service/service.js";
import type { LIVE_SOCKET_PORTS, ServerSettings } from "../../service/settings.js";
import { within } from "../../service/timers.js";
import { loadPem, secureContextOf } from "../../service/tls-files.js";
import { TokenCheck } from "../../service/token-check.js";
import { loadTokens } from "../../service/token-files.js";
import { refuseUpgrade } from "../../service/upgrades.js";
import { Handshake, type HandshakeOptions } from "./handshake.js";
import { Keeper } from "./keeper.js";
import { Room } from "./room.js";
import { Sessions } from "./sessions.js";

/** Milliseconds for the headers of a request. */
const HEADERS_TIMEOUT = 10_000;
const LOOK_EVERY = 1000;
const MAX_HEADER_BYTES = 16 * 1024;

/** Settings of ports on which everything is a WebSocket. */
export type PortSetting = (typeof LIVE_SOCKET_PORTS)[number];

/** A live door with a port of its own, on which everything is a WebSocket, whatever its path. */
export class PortDoor {
  readonly port: number;
  readonly #server: Server;
  readonly #room: Room;
  readonly #tokens: TokenCheck;
  readonly #sessions: Sessions;
  readonly #service: Service;
  readonly #isSecure: boolean;

  private constructor(
    server: Server,
    room: Room,
    tokens: TokenCheck,
    sessions: Sessions,
    service: Service,
    isSecure: boolean,
  ) {
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
    this.#room = room;
    this.#tokens = tokens;
    this.#sessions = sessions;
    this.#service = service;
    this.#isSecure = isSecure;
  }

  /**
   * Listens, and answers that it does not serve yet.
   * @throws TranscriptionError INVALID_ARGUMENT when the address, a TLS file or a token's file cannot be used
   */
  static async open(service: Service, key: PortSetting, options: HandshakeOptions): Promise<PortDoor> {
    const { settings } = service;
    const tokens = new TokenCheck(await tokensOf(settings));
    const pem = await loadPem(settings);
    const room = new Room(service);
    const keeper = new Keeper(service, room, tokens, options.method);
    const sessions = new Sessions();
    const handshake = new Handshake(service, sessions, options);
    const common = {
      headersTimeout: Math.min(HEADERS_TIMEOUT, settings.idleTimeout * 1000),
      connectionsCheckingInterval: LOOK_EVERY,
      maxHeaderSize: MAX_HEADER_BYTES,
    };
    const tls = pem && { ...secureContextOf(pem), requestCert: pem.authority !== undefined };
    const server = tls
      ? createTlsServer({ ...common, ...tls }, needsUpgrade)
      : createServer(common, needsUpgrade);
    server.maxConnections = settings.maxConnections;
    server.on("upgrade", (request: IncomingMessage, socket, head: Buffer) => {
      const id = requestIdFrom(String(request.headers[REQUEST_ID] ?? ""));
      const refusal = keeper.refusal(request, id);
      if (!refusal) return handshake.upgrade(request, socket, head);
      const { status, body, headers } = refusal;
      refuseUpgrade(socket, status, body, { ...headers, [REQUEST_ID]: id });
    });
    await listen(server, { host: settings.liveHost, port: settings[key] ?? 0 }, ["liveHost", key]);
    return new PortDoor(server, room, tokens, sessions, service, pem !== undefined);
  }

  /** The model is loaded: lets connections in from now on. */
  serve(): void {
    this.#room.open();
  }

  /**
   * Reads certificates and tokens again. Connections that are open stay as they are.
   * @returns puts them into use
   * @throws TranscriptionError INVALID_ARGUMENT when one of them cannot be used, and then nothing has changed
   */
  async renewal(settings: ServerSettings): Promise<() => void> {
    const [pem, found] = [await loadPem(settings), await tokensOf(settings)];
    return () => {
      if (pem && this.#isSecure) (this.#server as TlsServer).setSecureContext(secureContextOf(pem));
      this.#tokens.use(found);
    };
  }

  /** Lets no one in, has sessions say what they have, has the service drained, and closes. */
  async close(): Promise<void> {
    this.#room.close();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await within(this.#sessions.windUp(), this.#service.settings.shutdownGrace);
    await this.#service.drain();
    await within(closed, FLUSH_SECONDS);
    this.#sessions.break();
    this.#server.closeAllConnections();
  }
}

/** Tokens of ports whose clients may have none to bring. */
async function tokensOf(settings: ServerSettings): Promise<string[]> {
  return settings.liveWithoutToken ? [] : loadTokens(settings);
}

function needsUpgrade(_: IncomingMessage, response: ServerResponse): void {
  const message = "Expected a WebSocket";
  response
    .writeHead(426, {
      "content-type": "application/json; charset=utf-8",
      upgrade: "websocket",
      connection: "close",
    })
    .end(JSON.stringify({ error: { message, code: "UPGRADE_REQUIRED" } }));
}
