import type { ServerDuplexStream } from "@grpc/grpc-js";
import { TranscriptionError } from "../../../index.js";
import { variableOf } from "../../settings.js";
import type { Call } from "../call.js";
import type { Failure } from "../statuses.js";
import type { TranscriptionEvent, UploadRequest } from "./messages.js";

export type EventRpc = ServerDuplexStream<UploadRequest, TranscriptionEvent>;

/**
 * The way of events to a client. Those that a later one replaces are left out while it reads too slowly, and a client
 * that reads nothing for `idleTimeout` seconds is given up.
 */
export class EventStream {
  readonly #rpc: EventRpc;
  readonly #call: Call;
  readonly #idleTimeout: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(rpc: EventRpc, call: Call, idleTimeout: number) {
    this.#rpc = rpc;
    this.#call = call;
    this.#idleTimeout = idleTimeout;
    rpc.on("drain", () => this.#isRead());
    call.onEnd(() => this.#isRead());
  }

  /** Sends what must not be missed. */
  send(event: TranscriptionEvent): void {
    if (this.#call.signal.aborted || this.#rpc.write(event) || !Number.isFinite(this.#idleTimeout)) return;
    this.#timer ??= setTimeout(() => this.#giveUp(), this.#idleTimeout * 1000);
  }

  /** Sends what may be missed. */
  offer(event: TranscriptionEvent): void {
    if (!this.#rpc.writableNeedDrain) this.send(event);
  }

  end(): void {
    this.#rpc.end();
  }

  fail(failure: Failure): void {
    this.#rpc.emit("error", failure);
  }

  #isRead(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #giveUp(): void {
    const message = `The client has read no event for ${variableOf("idleTimeout")} (${this.#idleTimeout} s)`;
    this.#call.fail(new TranscriptionError("DEADLINE_EXCEEDED", message));
  }
}
