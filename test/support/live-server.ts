import { once } from "node:events";
import { onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { openServer, type RunningServer } from "../../src/server/server.js";
import { readSettings } from "../../src/service/read-settings.js";
import type { ServerSettings } from "../../src/service/settings.js";
import { type LiveScript, type ScriptedTranscriber, scriptedTranscriber } from "./scripted-live.js";

export interface LiveServer {
  server: RunningServer;
  transcriber: ScriptedTranscriber;
  /** Lines of the log. */
  lines: string[];
}

export interface LiveServerOptions {
  script?: LiveScript;
  settings?: Partial<ServerSettings>;
  /** Throws to refuse a stream. */
  refuse?: () => void;
}

/** A server whose live streams follow a script, with every live door open on a free port. */
export async function startLive({ script, settings, refuse }: LiveServerOptions = {}): Promise<LiveServer> {
  const transcriber = scriptedTranscriber(script, refuse);
  const lines: string[] = [];
  const server = await openServer(
    {
      ...readSettings({}),
      grpc: false,
      httpHost: "127.0.0.1",
      httpPort: 0,
      whisperLivePort: 0,
      voskPort: 0,
      audioSocketPort: 0,
      ...settings,
    },
    { transcriber, log: (line) => lines.push(line) },
  );
  onTestFinished(() => server.stop());
  await server.ready;
  return { server, transcriber, lines };
}

// biome-ignore lint/suspicious/noExplicitAny: messages are of many kinds
export type Message = any;

/** A client of a live door that keeps what it is told. */
export class TestSocket {
  readonly messages: Message[] = [];
  readonly socket: WebSocket;
  /** Status and reason of the end; undefined: it is open. */
  closed: { code: number; reason: string } | undefined;
  #wake: (() => void)[] = [];
  #read = 0;

  constructor(
    url: string,
    ...options: ConstructorParameters<typeof WebSocket> extends [unknown, ...infer R] ? R : never
  ) {
    this.socket = new WebSocket(url, ...(options as []));
    this.socket.on("message", (data, isBinary) => {
      this.messages.push(isBinary ? data : JSON.parse(String(data)));
      this.#tell();
    });
    this.socket.on("close", (code, reason) => {
      this.closed = { code, reason: String(reason) };
      this.#tell();
    });
    this.socket.on("error", () => {});
    onTestFinished(() => this.socket.terminate());
  }

  /** Opened. @throws Error with the status of an answer that is none */
  async open(): Promise<this> {
    const refused = once(this.socket, "unexpected-response").then(([, response]) => {
      throw new Error(`refused with ${response.statusCode}`);
    });
    refused.catch(() => {});
    await Promise.race([once(this.socket, "open"), refused]);
    return this;
  }

  send(message: object | string | Uint8Array): void {
    const isData = typeof message === "string" || message instanceof Uint8Array;
    this.socket.send(isData ? message : JSON.stringify(message));
  }

  /** The next message. @throws Error when there is none before the end */
  async next(): Promise<Message> {
    while (this.messages.length <= this.#read) {
      if (this.closed) throw new Error(`closed with ${this.closed.code}: ${this.closed.reason}`);
      await this.#news();
    }
    return this.messages[this.#read++];
  }

  /** The next message that `is` true of. */
  async find(is: (message: Message) => boolean): Promise<Message> {
    for (;;) {
      const message = await this.next();
      if (is(message)) return message;
    }
  }

  async end(): Promise<{ code: number; reason: string }> {
    while (!this.closed) await this.#news();
    return this.closed;
  }

  #news(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  #tell(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

/** The status that a handshake is answered with. */
export async function handshakeStatus(
  url: string,
  headers: Record<string, string> = {},
  protocols: string[] = [],
): Promise<number> {
  const socket = new WebSocket(url, protocols, { headers });
  socket.on("error", () => {});
  onTestFinished(() => socket.terminate());
  return Promise.race([
    once(socket, "open").then(() => 101),
    once(socket, "unexpected-response").then(([, response]) => response.statusCode as number),
  ]);
}
