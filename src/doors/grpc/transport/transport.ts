import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream, ServerOptions } from "node:http2";
import type { Server as NetServer, Socket } from "node:net";
import { type Server, status } from "@grpc/grpc-js";
import { TranscriptionError } from "../../../index.js";
import { cut } from "../../../service/text.js";
import { LONGEST_TIMER } from "../../../service/timers.js";
import { Connection, type ConnectionOptions } from "./connection.js";
import { http2Options } from "./limits.js";

/** Where a call comes from. */
export interface Origin {
  stream: ServerHttp2Stream;
  connection: Connection;
}

export interface TransportOptions extends ConnectionOptions {
  /** Calls at once on one connection. */
  maxStreams: number;
  /** Connections at once. */
  maxConnections: number;
  /** Paths of the methods that there are. */
  paths: ReadonlySet<string>;
  /** Called with who could not agree with the server on TLS, and why. */
  onHandshakeFailed: (peer: string, reason: string) => void;
}

type OnStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, ...rest: unknown[]) => void;

/** What of grpc-js' server is used although it is not part of its interface: the package's version is pinned. */
interface Internals {
  commonServerOptions: ServerOptions;
  _setupHandlers(server: NetServer, ...rest: unknown[]): void;
}

/** Numbers of gRPC's timeouts have at most 8 digits. */
const TIMEOUT = /^\d{1,8}[HMSmun]$/;
/** In milliseconds, but for those that always fit. */
const UNITS: Record<string, number> = { H: 3_600_000, M: 60_000, S: 1000 };

/**
 * The HTTP/2 under a gRPC server. grpc-js leaves Node's limits as they are, closes connections whose pings it cannot send
 * while they are being closed, and lets nobody see the stream of a call; here is what it lets nobody set.
 */
export class Transport {
  readonly #options: TransportOptions;
  readonly #connections = new Map<ServerHttp2Session, Connection>();
  #origin: Origin | undefined;

  constructor(server: Server, options: TransportOptions) {
    this.#options = options;
    const internals = server as unknown as Internals;
    if (typeof internals._setupHandlers !== "function" || !internals.commonServerOptions) {
      throw new TranscriptionError(
        "INTERNAL",
        "This version of @grpc/grpc-js is not the one that was built for",
      );
    }
    Object.assign(internals.commonServerOptions, http2Options(options.maxStreams));
    const setupHandlers = internals._setupHandlers.bind(server);
    internals._setupHandlers = (http2Server, ...rest) => {
      setupHandlers(http2Server, ...rest);
      this.#observe(http2Server);
    };
  }

  /** Where the call comes from that is just being begun: for interceptors, as they are called. */
  get origin(): Origin {
    if (!this.#origin) throw new TranscriptionError("INTERNAL", "No call is being begun");
    return this.#origin;
  }

  get connections(): number {
    return this.#connections.size;
  }

  #observe(server: NetServer): void {
    server.maxConnections = this.#options.maxConnections;
    server.on("tlsClientError", (error: Error, { remoteAddress = "unknown" }: Socket) =>
      this.#options.onHandshakeFailed(remoteAddress, error.message),
    );
    server.on("session", (session: ServerHttp2Session) => {
      this.#connections.set(session, new Connection(session, this.#options));
      session.once("close", () => this.#connections.delete(session));
    });
    const handlers = server.listeners("stream") as OnStream[];
    server.removeAllListeners("stream");
    const onStream: OnStream = (stream, headers, ...rest): void => {
      // Errors of a stream end it; whoever has it hears of that.
      stream.on("error", () => {});
      const connection = this.#connections.get(stream.session as ServerHttp2Session);
      if (!connection) return void stream.destroy();
      connection.admit(stream);
      if (stream.destroyed || this.#refuse(stream, headers)) return;
      shortenTimeout(headers);
      this.#origin = { stream, connection };
      try {
        for (const handler of handlers) handler(stream, headers, ...rest);
      } finally {
        this.#origin = undefined;
      }
    };
    server.on("stream", onStream);
  }

  /** Answers what grpc-js would quote back at any length. @returns whether it did */
  #refuse(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): boolean {
    const path = String(headers[":path"]);
    const timeout = headers["grpc-timeout"];
    const isGrpc = String(headers["content-type"]).startsWith("application/grpc");
    if (!isGrpc) return false;
    if (!this.#options.paths.has(path)) {
      respond(stream, status.UNIMPLEMENTED, `The server does not implement the method ${cut(path)}`);
    } else if (timeout !== undefined && !TIMEOUT.test(String(timeout))) {
      respond(stream, status.INTERNAL, `Invalid grpc-timeout value "${cut(String(timeout))}"`);
    } else {
      return false;
    }
    return true;
  }
}

/** 24 days for those who would wait longer, whom grpc-js would give up at once. */
function shortenTimeout(headers: IncomingHttpHeaders): void {
  const timeout = String(headers["grpc-timeout"] ?? "");
  const milliseconds = Number(timeout.slice(0, -1)) * (UNITS[timeout.slice(-1)] ?? 0);
  if (milliseconds > LONGEST_TIMER) headers["grpc-timeout"] = `${Math.floor(LONGEST_TIMER / 1000)}S`;
}

function respond(stream: ServerHttp2Stream, code: status, message: string): void {
  stream.respond(
    {
      ":status": 200,
      "content-type": "application/grpc+proto",
      "grpc-status": String(code),
      "grpc-message": encodeURI(message),
    },
    { endStream: true },
  );
}
