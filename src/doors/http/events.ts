import type { FastifyReply } from "fastify";
import type { Call } from "../../service/call/call.js";
import { mustRead } from "./calls.js";
import { type Failure, openaiError } from "./failures.js";

/** Milliseconds after which a stream is opened that has nothing to say yet: until then a failure has its own status. */
const OPEN_AFTER = 5000;
/** Milliseconds between two comments, for whatever closes connections that are quiet. */
const COMMENT_EVERY = 15_000;

/** Server-sent events as an answer (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
export class EventStream {
  readonly #reply: FastifyReply;
  readonly #call: Call;
  readonly #patience: number;
  #timer: NodeJS.Timeout;
  #isOpen = false;
  #isWaiting = false;

  /** @param patience seconds that the client may take to read a MiB */
  constructor(reply: FastifyReply, call: Call, patience: number) {
    this.#reply = reply;
    this.#call = call;
    this.#patience = patience;
    this.#timer = setTimeout(() => this.#open(), OPEN_AFTER);
    reply.raw.once("close", () => clearTimeout(this.#timer));
  }

  /** Whether anything has been sent: a failure cannot have a status of its own any more. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Opens the stream, though there is nothing to say yet. */
  begin(): void {
    this.#open();
  }

  /** Sends what must not be missed. @param id by which a client that comes again says what it has seen */
  send(event: object, id?: number): void {
    if (this.#call.signal.aborted) return;
    this.#open();
    this.#write(`${id === undefined ? "" : `id: ${id}\n`}data: ${JSON.stringify(event)}\n\n`);
  }

  /** Resolves when the client has read enough for more, or is gone. */
  async drained(): Promise<void> {
    const { raw } = this.#reply;
    if (raw.destroyed || !raw.writableNeedDrain) return;
    await new Promise<void>((resolve) => {
      const go = () => {
        raw.off("drain", go).off("close", go);
        resolve();
      };
      raw.once("drain", go).once("close", go);
    });
  }

  /** Sends what may be missed, such as progress that later progress replaces. */
  offer(event: object): void {
    if (!this.#reply.raw.writableNeedDrain) this.send(event);
  }

  end(): void {
    this.#open();
    this.#stop();
  }

  /** OpenAI's clients make an error of this event. */
  fail(failure: Failure): void {
    this.#write(`event: error\ndata: ${JSON.stringify(openaiError(failure))}\n\n`);
    this.#stop();
  }

  /** Nothing was sent, nor will be. */
  abandon(): void {
    clearTimeout(this.#timer);
  }

  #open(): void {
    if (this.#isOpen || this.#reply.raw.destroyed) return;
    this.#isOpen = true;
    clearTimeout(this.#timer);
    this.#reply.hijack();
    this.#reply.raw.writeHead(200, {
      ...(this.#reply.getHeaders() as Record<string, string>),
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache, no-transform",
      // Nginx would keep events until there are many.
      "x-accel-buffering": "no",
    });
    this.#reply.raw.flushHeaders();
    this.#timer = setInterval(() => this.#write(": still working\n\n"), COMMENT_EVERY);
  }

  #write(text: string): void {
    const { raw } = this.#reply;
    if (raw.destroyed || raw.write(text) || this.#isWaiting) return;
    this.#isWaiting = true;
    const isRead = mustRead(this.#reply, this.#call, raw.writableLength, this.#patience);
    raw.once("drain", () => {
      this.#isWaiting = false;
      isRead();
    });
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#reply.raw.end();
    mustRead(this.#reply, this.#call, this.#reply.raw.writableLength, this.#patience);
  }
}
