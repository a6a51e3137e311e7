import type { ServerDuplexStream } from "@grpc/grpc-js";
import type { Call } from "../../../service/call/call.js";
import type { Failure } from "../statuses.js";
import type { EncodedResult } from "./encoded-result.js";
import type { TranscriptionEvent, UploadRequest } from "./messages.js";
import type { SentResult, SentSegment } from "./results.js";

/** An event as it is sent. */
export type SentEvent = Omit<TranscriptionEvent, "segment" | "result"> & {
  segment?: SentSegment;
  result?: SentResult | EncodedResult;
};

export type EventRpc = ServerDuplexStream<UploadRequest, SentEvent>;

/** The way of events to a client. Those that a later one replaces are left out while it reads too slowly. */
export class EventStream {
  readonly #rpc: EventRpc;
  readonly #call: Call;

  constructor(rpc: EventRpc, call: Call) {
    this.#rpc = rpc;
    this.#call = call;
  }

  /** Sends what must not be missed. */
  send(event: SentEvent): void {
    if (!this.#call.signal.aborted) this.#rpc.write(event);
  }

  /** Sends what may be missed. */
  offer(event: SentEvent): void {
    if (!this.#rpc.writableNeedDrain) this.send(event);
  }

  end(): void {
    this.#rpc.end();
  }

  fail(failure: Failure): void {
    this.#rpc.emit("error", failure);
  }
}
