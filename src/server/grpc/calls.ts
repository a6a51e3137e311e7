import {
  type Metadata,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";
import { variableOf } from "../settings.js";
import type { Slots } from "../slots.js";
import { Call } from "./call.js";

/** Answers a call that fails before its handler gets it. */
export type Refuse = (call: Call, reason: unknown, respond: sendUnaryData<unknown>) => void;

export interface CallsOptions {
  /** Paths that begin like this are counted, limited and drained; all others, such as health checks, pass. */
  prefix: string;
  maxCalls: number;
  /** Requests in one message that may be in memory at once. They are not read from the network before. */
  inbox: Slots;
  /** Seconds that a request may take to arrive. */
  uploadTimeout: number;
  refuse: Refuse;
}

/**
 * The calls that are open, from their headers to their trailers. Its interceptor makes a {@link Call} for each, which
 * the handler finds by the metadata that it is given.
 */
export class Calls {
  readonly #options: CallsOptions;
  readonly #byMetadata = new WeakMap<Metadata, Call>();
  readonly #open = new Set<Call>();
  #accepting = false;
  #onIdle: (() => void)[] = [];

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Calls are answered with UNAVAILABLE before this. */
  accept(): void {
    this.#accepting = true;
  }

  /** The call whose handler was given `metadata`. */
  of(metadata: Metadata): Call {
    return this.#byMetadata.get(metadata)!;
  }

  /** Resolves when no call is open. */
  async idle(): Promise<void> {
    if (this.#open.size > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  /** Ends the work of every open call. */
  failAll(reason: Error): void {
    for (const call of this.#open) call.fail(reason);
  }

  readonly interceptor: ServerInterceptor = (method, channel) => {
    if (!method.path.startsWith(this.#options.prefix)) return new ServerInterceptingCall(channel);
    const call = new Call();
    return new ServerInterceptingCall(channel, {
      start: (next) => {
        next({
          onReceiveMetadata: (metadata, deliver) => {
            const refusal = this.#refusal();
            if (refusal) return channel.sendStatus(refusal);
            this.#begin(call, metadata);
            if (method.requestStream) this.#read(call, () => deliver(metadata));
            else this.#readInTurn(call, channel, () => deliver(metadata));
          },
          onReceiveHalfClose: (deliver) => {
            // A connection that breaks looks for a moment as if the request were complete.
            setImmediate(() => {
              // A call that has failed is answered already.
              if (call.signal.aborted) return;
              call.markReceived();
              deliver();
            });
          },
          onCancel: () => this.#end(call),
        });
      },
    });
  };

  #refusal(): { code: status; details: string } | undefined {
    if (!this.#accepting) return { code: status.UNAVAILABLE, details: "The model is being loaded" };
    if (this.#open.size < this.#options.maxCalls) return undefined;
    return {
      code: status.RESOURCE_EXHAUSTED,
      details: `${this.#open.size} calls are open, the most allowed`,
    };
  }

  #begin(call: Call, metadata: Metadata): void {
    this.#byMetadata.set(metadata, call);
    this.#open.add(call);
  }

  #end(call: Call): void {
    call.end();
    if (!this.#open.delete(call) || this.#open.size > 0) return;
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }

  #read(call: Call, read: () => void): void {
    const { uploadTimeout } = this.#options;
    call.expireAfter(
      uploadTimeout,
      `The request did not arrive within ${variableOf("uploadTimeout")} (${uploadTimeout} s)`,
    );
    read();
  }

  /** Reads a request of one message when there is room for it; until it is here, its failure is ours to answer. */
  async #readInTurn(call: Call, channel: ServerInterceptingCallInterface, read: () => void): Promise<void> {
    const { inbox, refuse } = this.#options;
    try {
      call.onEnd(await inbox.acquire(call.signal));
      this.#read(call, read);
      await call.race(call.received);
    } catch (reason) {
      refuse(call, reason, responder(channel));
    }
  }
}

/** What a handler gets to answer with. */
function responder(channel: ServerInterceptingCallInterface): sendUnaryData<unknown> {
  return (error, value) => {
    if (error) channel.sendStatus({ code: error.code ?? status.UNKNOWN, details: error.details ?? "" });
    else channel.sendMessage(value, () => channel.sendStatus({ code: status.OK, details: "OK" }));
  };
}
