import { constants, type ServerHttp2Stream } from "node:http2";
import type { ServerInterceptingCallInterface } from "@grpc/grpc-js";
import { cut } from "../../service/text.js";
import { LONGEST_TIMER } from "../../service/timers.js";
import { ForwardingCall, type SentStatus } from "./forwarding-call.js";

/** Characters of a status message: it is a header, of which clients take 8 KiB in all. */
export const LONGEST_STATUS = 300;
/** A message gets the patience once for each so many bytes. */
const BYTES = 1024 ** 2;

/**
 * A call whose answers must be read: it is reset when its client has not read a message, or the end, for too long. No
 * status can be sent to such a client, since that would come after what it does not read.
 */
export class AnsweringCall extends ForwardingCall {
  readonly #stream: ServerHttp2Stream;
  readonly #patience: number;
  readonly #onStuck: () => void;
  #timer: NodeJS.Timeout | undefined;
  #isEnding = false;

  /**
   * @param patience seconds to read a message, for each MiB of it; `Infinity`: as long as it likes
   * @param onStuck called before the call is reset
   */
  constructor(
    next: ServerInterceptingCallInterface,
    stream: ServerHttp2Stream,
    patience: number,
    onStuck: () => void,
  ) {
    super(next);
    this.#stream = stream;
    this.#patience = patience;
    this.#onStuck = onStuck;
    stream.once("close", () => clearTimeout(this.#timer));
  }

  override sendMessage(message: unknown, callback: () => void): void {
    this.next.sendMessage(message, () => {
      clearTimeout(this.#timer);
      // Before the callback, which may send the next message.
      if (this.#isEnding) this.#wait();
      callback();
    });
    this.#wait();
  }

  override sendStatus(status: SentStatus): void {
    // Statuses of grpc-js and its services quote what they got at full length.
    this.next.sendStatus({ ...status, details: cut(status.details ?? "", LONGEST_STATUS) });
    // What is being read keeps its time.
    if (!this.#isEnding && this.#stream.writableLength === 0) this.#wait();
    this.#isEnding = true;
  }

  #wait(): void {
    clearTimeout(this.#timer);
    if (!Number.isFinite(this.#patience) || this.#stream.destroyed || this.#stream.closed) return;
    const times = Math.max(1, Math.ceil(this.#stream.writableLength / BYTES));
    const milliseconds = Math.min(times * this.#patience * 1000, LONGEST_TIMER);
    this.#timer = setTimeout(() => this.#giveUp(), milliseconds);
  }

  #giveUp(): void {
    this.#onStuck();
    this.#stream.close(constants.NGHTTP2_CANCEL);
    // A connection that is blocked cannot say so, and the call shall be over nonetheless.
    this.#stream.destroy();
  }
}
