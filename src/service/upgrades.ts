import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { refuseSocket } from "./refuse-socket.js";

/** Takes over a connection whose client asked to speak another protocol. What it throws at once is answered with a status. */
export type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** Where connections are taken over. */
export interface UpgradeRoute {
  upgrade: Upgrade;
  /** Whether somebody who brings no token may all the same; undefined: that goes by tokens alone. */
  vouches?(request: IncomingMessage): boolean | undefined;
}

/** Who takes over connections of the HTTP door, by path. */
export type UpgradeRoutes = ReadonlyMap<string, UpgradeRoute>;

/** Path of a request, without what follows it. */
export function pathOf({ url = "/" }: IncomingMessage): string {
  return url.split("?", 1)[0]!;
}

/** The query of a request. */
export function queryOf({ url = "/" }: IncomingMessage): URLSearchParams {
  const [, query = ""] = /\?(.*)$/s.exec(url) ?? [];
  return new URLSearchParams(query);
}

/** Protocols that a client offers to speak, in its order. */
export function protocolsOf({ headers }: IncomingMessage): string[] {
  return (headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
}

/** How clients that are not asked for `authorization: Bearer …` bring a token. */
const KEY_PROTOCOL = "openai-insecure-api-key.";

/**
 * What a client brings as its token, as `authorization` would: in that header, or, where browsers can send no headers,
 * among the protocols that it offers: `openai-insecure-api-key.K`, or `token, K`.
 */
export function offeredAuthorization(request: IncomingMessage): string | undefined {
  const { authorization } = request.headers;
  if (authorization !== undefined) return authorization;
  const protocols = protocolsOf(request);
  const key = protocols.find((name) => name.startsWith(KEY_PROTOCOL))?.slice(KEY_PROTOCOL.length);
  const token = /^(token|bearer)$/i.test(protocols[0] ?? "") ? protocols[1] : undefined;
  const given = key ?? token;
  return given === undefined ? undefined : `Bearer ${given}`;
}

/** Whether a protocol that a client offers is its token. */
export function isKeyProtocol(name: string): boolean {
  return name.startsWith(KEY_PROTOCOL);
}

/** Answers a request that asks for another protocol with a status, and closes. */
export function refuseUpgrade(
  socket: Duplex,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const lines = Object.entries({
    "content-type": "application/json; charset=utf-8",
    "content-length": String(Buffer.byteLength(body)),
    connection: "close",
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  refuseSocket(socket, `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join("")}\r\n${body}`);
}

/** What speaks other protocols on connections of the HTTP door. */
export interface Upgrades {
  readonly routes: UpgradeRoutes;
  /** Has everybody be told what there is, and ends. */
  windUp(): Promise<void>;
  /** Breaks the connections of those that are left. */
  break(): void;
}
