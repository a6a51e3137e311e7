import { ServerInterceptingCall, type ServerInterceptor } from "@grpc/grpc-js";
import { TranscriptionError } from "../../index.js";
import { ByteBudget } from "../../service/call/byte-budget.js";
import { Holdings } from "../../service/call/holdings.js";
import { notArrived } from "../../service/upload.js";
import { AnsweringCall } from "./answering-call.js";
import { MessageReader } from "./messages/message-reader.js";
import { requestIdOf } from "./request-id.js";
import { statusOfFailure } from "./statuses.js";
import type { Connection } from "./transport/connection.js";
import type { Origin } from "./transport/transport.js";

/** Bytes that a call without a recording may send, in a message and in all. */
export const LIGHT_LIMIT = {
  most: 8 * 1024,
  mostInAll: 64 * 1024,
  setting: "of requests without a recording",
};
/** Bytes of messages that such calls hold in memory at once. */
const LIGHT_MEMORY = 16 * 1024 ** 2;
/** Of whoever may be asked for nothing: they neither wait for recordings nor take the room of any. */
export function lightMemory(): ByteBudget {
  return new ByteBudget(
    LIGHT_MEMORY,
    "The server is busy: too many requests without a recording are arriving; try again later",
  );
}
/**
 * Seconds that a request of one message gets to arrive, however long recordings get: who takes longer for a few bytes would
 * only keep others' from finding room.
 */
const LIGHT_SECONDS = 10;

/** How long a request may take to arrive, and what is said of one that takes longer. */
export interface Arrival {
  seconds: number;
  message: string;
}

/** That of a request of one message without a recording. @param uploadTimeout seconds that recordings get */
export function lightArrival(uploadTimeout: number): Arrival {
  return uploadTimeout < LIGHT_SECONDS
    ? { seconds: uploadTimeout, message: notArrived(uploadTimeout) }
    : { seconds: LIGHT_SECONDS, message: `The request did not arrive within ${LIGHT_SECONDS} s` };
}

/** Streams of health and reflection that are open at once, on one connection and in all. */
export const MAX_WATCHES_PER_CONNECTION = 16;
export const MAX_WATCHES = 1000;
/** Seconds after which those who are refused may try again. */
const RETRY_AFTER = 10;

export interface LightCallsOptions {
  origin: () => Origin;
  /** Seconds that a request of one message may take to arrive, where that is less than ten. */
  uploadTimeout: number;
  /** Seconds that a client may send nothing where it is waited for, and take to read a message. */
  idleTimeout: number;
}

/** Bounds calls that bring no recording and need no token: health and reflection. */
export class LightCalls {
  readonly #options: LightCallsOptions;
  /** Of strangers, which those with a token have no part in. */
  readonly #memory = lightMemory();
  readonly #byConnection = new Map<Connection, number>();
  #watches = 0;

  constructor(options: LightCallsOptions) {
    this.#options = options;
  }

  readonly interceptor: ServerInterceptor = ({ requestStream, responseStream }, channel) => {
    const { origin, idleTimeout, uploadTimeout } = this.#options;
    const { connection, stream } = origin();
    const holdings = new Holdings();
    const controller = new AbortController();
    let leave = () => {};
    let timer: NodeJS.Timeout | undefined;
    const answering = new AnsweringCall(channel, stream, idleTimeout, () => {});
    const intercepted: ServerInterceptingCall = new ServerInterceptingCall(answering, {
      start: (next) => {
        next({
          onReceiveMetadata: (metadata, deliver) => {
            const fail = (reason: Error) =>
              intercepted.sendStatus(statusOfFailure(reason, requestIdOf(metadata), RETRY_AFTER));
            if (responseStream && this.#isFull(connection)) {
              const message = "Too many streams of health and reflection are open";
              return fail(new TranscriptionError("QUEUE_FULL", message));
            }
            if (responseStream) leave = this.#enter(connection);
            const reader = new MessageReader(channel, {
              holder: { signal: controller.signal, hold: (free) => holdings.hold(free) },
              memory: this.#memory,
              ...LIGHT_LIMIT,
              idleTimeout,
              onFailure: fail,
            });
            if (!requestStream) {
              const { message, seconds } = lightArrival(uploadTimeout);
              timer = setTimeout(() => {
                reader.stop();
                fail(new TranscriptionError("DEADLINE_EXCEEDED", message));
              }, seconds * 1000);
            }
            deliver(metadata);
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
