import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { REQUEST_ID } from "../../service/request-id.js";
import type { Service } from "../../service/service.js";
import { isKeyProtocol } from "../../service/upgrades.js";
import { beginCall } from "./calls.js";
import { MAX_MESSAGE } from "./limits.js";
import type { Connection } from "./session.js";
import type { OpenSession, Sessions } from "./sessions.js";

export interface HandshakeOptions {
  /** What its calls are in the log and in metrics. */
  method: string;
  /** Bytes of a message. Default: {@link MAX_MESSAGE}. */
  maxMessage?: number;
  /** Makes the session of a connection. */
  open(connection: Connection, request: IncomingMessage): OpenSession;
}

/** Makes WebSockets of connections that may be some, and sessions of them. */
export class Handshake {
  readonly #service: Service;
  readonly #sessions: Sessions;
  readonly #options: HandshakeOptions;
  readonly #sockets: WebSocketServer;

  constructor(service: Service, sessions: Sessions, options: HandshakeOptions) {
    this.#service = service;
    this.#sessions = sessions;
    this.#options = options;
    this.#sockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: options.maxMessage ?? MAX_MESSAGE,
      handleProtocols: (offered) => chosen([...offered]),
    });
  }

  /** Opens the WebSocket that a request asks for. One that is none is answered with what is wrong about it. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#sockets.handleUpgrade(request, socket, head, (opened) => {
      const { method, open } = this.#options;
      const requestId = String(request.headers[REQUEST_ID] ?? "");
      const call = beginCall(this.#service, method, socket as Socket, requestId);
      const session = open({ service: this.#service, call, socket: opened }, request);
      opened.once("close", this.#sessions.add(session));
    });
  }
}

/** Browsers want one of those that they offer; a token is told back only where there is nothing else. */
function chosen(offered: string[]): string | false {
  return offered.find((name) => !isKeyProtocol(name)) ?? offered[0] ?? false;
}
