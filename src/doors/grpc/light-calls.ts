import type { ServerHttp2Stream } from "node:http2";
import {
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
} from "@grpc/grpc-js";
import type { ByteBudget } from "../../service/call/byte-budget.js";
import { Holdings } from "../../service/call/holdings.js";
import { variableOf } from "../../service/settings.js";
import { AnsweringCall } from "./answering-call.js";
import { MessageReader } from "./messages/message-reader.js";
import { requestIdOf } from "./request-id.js";
import { statusFor, statusOfFailure } from "./statuses.js";
import type { Connection } from "./transport/connection.js";
import type { Origin } from "./transport/transport.js";

/** Bytes that a call without a recording may send, in all. */
export const MAX_LIGHT_BYTES = 64 * 1024;
/** Streams of health and reflection that are open at once, on one connection and in all. */
export const MAX_WATCHES_PER_CONNECTION = 16;
export const MAX_WATCHES = 1000;
/** Seconds after which those who are refused may try again. */
const RETRY_AFTER = 10;

const HEALTH_WATCH = "/grpc.health.v1.Health/Watch";

export interface LightCallsOptions {
  origin: () => Origin;
  /** What messages take while they are in memory. */
  memory: ByteBudget;
  /** Seconds to wait for a message, and to wait for the client to read one. */
  idleTimeout: number;
}

/** Bounds calls that bring no recording and need no token: health and reflection. */
export class LightCalls {
  readonly #options: LightCallsOptions;
  readonly #byConnection = new Map<Connection, number>();
  #watches = 0;

  constructor(options: LightCallsOptions) {
    this.#options = options;
  }

  readonly interceptor: ServerInterceptor = ({ path, responseStream }, channel) => {
    const { origin, idleTimeout, memory } = this.#options;
    const { connection, stream } = origin();
    const holdings = new Holdings();
    const controller = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    let leave = () => {};
    const answering = new AnsweringCall(channel, stream, idleTimeout, () => {});
    const intercepted: ServerInterceptingCall = new ServerInterceptingCall(answering, {
      start: (next) => {
        next({
          onReceiveMetadata: (metadata, deliver) => {
            const fail = (
              ...[reason, message]: [reason: "QUEUE_FULL" | "DEADLINE_EXCEEDED", message: string]
            ) => intercepted.sendStatus(statusFor(reason, message, requestIdOf(metadata), RETRY_AFTER));
            if (responseStream && this.#isFull(connection)) {
              return fail("QUEUE_FULL", "Too many streams of health and reflection are open");
            }
            if (responseStream) leave = this.#enter(connection);
            limitRequest(stream, intercepted);
            new MessageReader(channel, {
              holder: { signal: controller.signal, hold: (free) => holdings.hold(free) },
              memory,
              most: MAX_LIGHT_BYTES,
              setting: "of requests without a recording",
              idleTimeout: Number.POSITIVE_INFINITY,
              onFailure: (reason) =>
                intercepted.sendStatus(statusOfFailure(reason, requestIdOf(metadata), RETRY_AFTER)),
            });
            if (Number.isFinite(idleTimeout)) {
              const message = `No request arrived for ${variableOf("idleTimeout")} (${idleTimeout} s)`;
              timer = setTimeout(() => fail("DEADLINE_EXCEEDED", message), idleTimeout * 1000);
            }
            deliver(metadata);
          },
          onReceiveMessage: (message, deliver) => {
            // Watching takes one request, and as long as the client likes.
            if (path === HEALTH_WATCH) clearTimeout(timer);
            else timer?.refresh();
            deliver(message);
          },
          onReceiveHalfClose: (deliver) => {
            clearTimeout(timer);
            deliver();
          },
          onCancel: () => {
            clearTimeout(timer);
            leave();
            controller.abort();
            holdings.release();
          },
        });
      },
    });
    return intercepted;
  };

  #isFull(connection: Connection): boolean {
    return (
      this.#watches >= MAX_WATCHES || (this.#byConnection.get(connection) ?? 0) >= MAX_WATCHES_PER_CONNECTION
    );
  }

  #enter(connection: Connection): () => void {
    const count = (by: number) => {
      const number = (this.#byConnection.get(connection) ?? 0) + by;
      if (number > 0) this.#byConnection.set(connection, number);
      else this.#byConnection.delete(connection);
      this.#watches += by;
    };
    count(1);
    return () => count(-1);
  }
}

/** Ends a call that sends more than calls without a recording have to say. */
export function limitRequest(stream: ServerHttp2Stream, call: ServerInterceptingCallInterface): void {
  let bytes = 0;
  const onData = (data: Buffer) => {
    bytes += data.length;
    if (bytes <= MAX_LIGHT_BYTES) return;
    stream.off("data", onData);
    const message = `Expected a request of at most ${MAX_LIGHT_BYTES} bytes`;
    call.sendStatus(statusFor("AUDIO_TOO_LARGE", message, "", 0));
  };
  // grpc-js has paused the stream: this listener alone does not make it flow.
  stream.on("data", onData);
}
