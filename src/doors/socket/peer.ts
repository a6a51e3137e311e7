import type { RawData, WebSocket } from "ws";
import { TranscriptionError } from "../../index.js";
import { IdleTimer } from "./idle.js";
import { PATIENCE, type Patience, READ_AHEAD } from "./limits.js";
import type { Line, LineEvents } from "./session.js";

/** What becomes of a connection; `onClose` hears the status code that the other side gave. */
export type PeerEvents = Omit<LineEvents<[data: Buffer, isBinary: boolean]>, "onClose"> & {
  onClose(code: number): void;
};

export interface PeerOptions {
  /** Seconds without a message or a ping after which the client counts as idle; `Infinity`: never. */
  idleTimeout: number;
  /** The answers to our pings count as well: the protocol has nothing else to say for who is silent. */
  pongsCount?: boolean;
  /** What came before the end is dealt with although its client is gone. */
  drains?: boolean;
  patience?: Patience;
}

/** Bytes of the reason of a closing frame (RFC 6455, 5.5). */
const LONGEST_REASON = 123;

/**
 * One WebSocket: reads no more than is worked off, pings, notices who is idle or gone, and sends no more than is read. Of
 * what replaces itself a slow reader gets the newest.
 */
export class Peer implements Line {
  readonly #socket: WebSocket;
  readonly #events: PeerEvents;
  readonly #idleTimer: IdleTimer;
  readonly #patience: Patience;
  readonly #inbox: { data: Buffer; isBinary: boolean }[] = [];
  #inboxBytes = 0;
  #isWorking = false;
  /** Nothing more is taken from the client. */
  #isDeaf = false;
  #hasFailed = false;
  #isClosed = false;
  #isAlive = true;
  #unsent = 0;
  #readAt = 0;
  readonly #newest = new Map<string, string>();
  readonly #timers: NodeJS.Timeout[] = [];
  /** Called when nothing waits to be dealt with. */
  #onRest: () => void = () => {};

  constructor(socket: WebSocket, options: PeerOptions, events: PeerEvents) {
    const { drains = false, idleTimeout, patience = PATIENCE, pongsCount = false } = options;
    this.#socket = socket;
    this.#events = events;
    this.#patience = patience;
    socket.on("message", (data: RawData, isBinary) => this.#take(data as Buffer, isBinary));
    socket.on("ping", () => this.#hear());
    socket.on("pong", () => {
      this.#isAlive = true;
      if (pongsCount) this.#hear();
    });
    socket.on("error", (error) => {
      // Of the protocol of sockets: a frame that is none, or too large. The socket closes itself.
      if ("code" in error && String(error.code).startsWith("WS_ERR"))
        this.#fail(new TranscriptionError("INVALID_ARGUMENT", error.message, { cause: error }));
    });
    socket.once("close", (code) => {
      this.#isClosed = true;
      this.#stopTimers();
      if (!drains) this.ignore();
      void this.#done().then(() => {
        this.ignore();
        events.onClose(code);
      });
    });
    this.#every(patience.ping, () => this.#ping());
    this.#every(patience.stuck / 6, () => this.#lookForReader());
    this.#idleTimer = new IdleTimer(
      idleTimeout,
      () => this.#isWorking,
      (reason) => this.#fail(reason),
    );
  }

  /** Sends what must not be missed. @param replaces what was to be {@link offer}ed under that name and is not needed any more */
  send(message: object, replaces?: string): void {
    if (replaces !== undefined) this.#newest.delete(replaces);
    this.#write(JSON.stringify(message));
  }

  /** Sends what a later message of that name replaces, if the client reads fast enough. */
  offer(name: string, message: object): void {
    const text = JSON.stringify(message);
    if (this.#socket.bufferedAmount <= this.#patience.slow) this.#write(text);
    else this.#newest.set(name, text);
  }

  /** Takes nothing more from the client, whose messages are thrown away. */
  ignore(): void {
    this.#isDeaf = true;
    this.#inbox.length = 0;
    this.#onRest();
    this.#idleTimer.stop();
    if (this.#socket.isPaused) this.#socket.resume();
  }

  /** Closes after what was sent. @param reason of which the beginning is told */
  close(code: number, reason = ""): void {
    if (this.#isClosed) return;
    this.ignore();
    this.#newest.clear();
    this.#socket.close(code, beginningOf(reason));
    // Who does not answer would keep it open.
    this.#timers.push(setTimeout(() => this.#socket.terminate(), this.#patience.closing * 1000));
  }

  /** Breaks the connection: nothing that is sent would be read. */
  break(): void {
    this.#isDeaf = true;
    this.#idleTimer.stop();
    this.#socket.terminate();
  }

  #take(data: Buffer, isBinary: boolean): void {
    if (this.#isDeaf) return;
    this.#hear();
    this.#inbox.push({ data, isBinary });
    this.#inboxBytes += data.length;
    const isFull = this.#inbox.length >= READ_AHEAD.messages || this.#inboxBytes >= READ_AHEAD.bytes;
    if (this.#isWorking && isFull) this.#socket.pause();
    void this.#work();
  }

  async #work(): Promise<void> {
    if (this.#isWorking) return;
    this.#isWorking = true;
    try {
      for (let next = this.#inbox.shift(); next && !this.#isDeaf; next = this.#inbox.shift()) {
        this.#inboxBytes -= next.data.length;
        await this.#events.onMessage(next.data, next.isBinary);
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#isWorking = false;
    this.#onRest();
    this.#idleTimer.hear();
    if (this.#socket.isPaused) {
      this.#isAlive = true;
      this.#socket.resume();
    }
  }

  #hear(): void {
    this.#isAlive = true;
    this.#idleTimer.hear();
    this.#events.onHeard();
  }

  /** What is not read from the connection may be its answer. */
  #ping(): void {
    if (this.#socket.isPaused || this.#socket.readyState !== this.#socket.OPEN) return;
    if (!this.#isAlive) {
      this.#socket.terminate();
      return;
    }
    this.#isAlive = false;
    this.#socket.ping();
  }

  #write(text: string): void {
    const { CONNECTING, OPEN } = this.#socket;
    if (![CONNECTING, OPEN].includes(this.#socket.readyState as 0 | 1)) return;
    if (this.#unsent++ === 0) this.#readAt = performance.now();
    this.#socket.send(text, () => this.#onSent());
    if (this.#socket.bufferedAmount > this.#patience.unread) this.#lose("leaves too much unread");
  }

  #onSent(): void {
    this.#unsent--;
    this.#readAt = performance.now();
    if (this.#newest.size === 0 || this.#socket.bufferedAmount > this.#patience.slow) return;
    const texts = [...this.#newest.values()];
    this.#newest.clear();
    for (const text of texts) this.#write(text);
  }

  #lookForReader(): void {
    if (this.#unsent === 0 || performance.now() - this.#readAt < this.#patience.stuck * 1000) return;
    this.#lose(`has read nothing for ${this.#patience.stuck} s`);
  }

  #lose(why: string): void {
    this.#fail(new TranscriptionError("DEADLINE_EXCEEDED", `The client ${why}`));
    this.break();
  }

  #fail(reason: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#isDeaf = true;
    this.#events.onFailure(reason);
  }

  #every(seconds: number, look: () => void): void {
    this.#timers.push(setInterval(look, seconds * 1000));
  }

  /** Resolves when nothing waits to be dealt with, or the client is not listened to. */
  async #done(): Promise<void> {
    if (!this.#isWorking || this.#isDeaf) return;
    await new Promise<void>((resolve) => {
      this.#onRest = resolve;
    });
  }

  #stopTimers(): void {
    this.#idleTimer.stop();
    for (const timer of this.#timers) clearTimeout(timer);
  }
}

/** As much of `text` as a closing frame holds, in whole characters. */
function beginningOf(text: string): string {
  let length = 0;
  let beginning = "";
  for (const character of text) {
    length += Buffer.byteLength(character);
    if (length > LONGEST_REASON) break;
    beginning += character;
  }
  return beginning;
}
