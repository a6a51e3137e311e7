import type { Socket } from "node:net";
import { IdleTimer } from "../idle.js";
import { PATIENCE } from "../limits.js";
import type { Line, LineEvents } from "../session.js";
import { type Frame, FrameReader, hangUp, merged } from "./frames.js";

/** Bytes read at once from which on there is probably more: a connection that is up to date has some hundreds. */
const BACKLOG = 32 * 1024;

/** A message, with whether more of what has come waits to be read. */
export type WireMessage = [frame: Frame, hasMore: boolean];

/**
 * One connection of AudioSocket: reads no more than is worked off, and notices who is silent or gone. Nothing is said to the
 * other side but that it is over.
 */
export class Wire implements Line {
  readonly #socket: Socket;
  readonly #events: LineEvents<WireMessage>;
  readonly #idleTimer: IdleTimer;
  #isDeaf = false;
  #isWorking = false;
  #hasFailed = false;
  #closingTimer: NodeJS.Timeout | undefined;

  /** @param idleTimeout seconds without a message; `Infinity`: for ever */
  constructor(socket: Socket, idleTimeout: number, events: LineEvents<WireMessage>) {
    this.#socket = socket;
    this.#events = events;
    socket.setNoDelay(true);
    // Who is gone without a word is noticed by the system.
    socket.setKeepAlive(true, PATIENCE.ping * 1000);
    socket.on("error", () => {});
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    this.#idleTimer = new IdleTimer(
      idleTimeout,
      () => this.#isWorking,
      (reason) => this.#fail(reason),
    );
    void this.#read()
      .then(() => closed)
      .then(() => {
        this.ignore();
        clearTimeout(this.#closingTimer);
        events.onClose();
      });
  }

  ignore(): void {
    this.#isDeaf = true;
    this.#idleTimer.stop();
  }

  /** Has the other side go on without. */
  close(): void {
    this.ignore();
    if (this.#socket.destroyed) return;
    this.#socket.end(hangUp());
    this.#closingTimer ??= setTimeout(() => this.#socket.destroy(), PATIENCE.closing * 1000);
  }

  break(): void {
    this.ignore();
    this.#socket.destroy();
  }

  /** Until the other side has sent all; what comes when nobody listens is thrown away. */
  async #read(): Promise<void> {
    const reader = new FrameReader();
    try {
      for await (const chunk of this.#socket) {
        if (this.#isDeaf) continue;
        this.#idleTimer.hear();
        this.#events.onHeard();
        const bytes = chunk as Buffer;
        await this.#workOff(merged(reader.push(bytes)), bytes.length >= BACKLOG);
      }
    } catch {
      // A connection that breaks ends as one that is closed.
    }
  }

  async #workOff(frames: readonly Frame[], hasMore: boolean): Promise<void> {
    this.#isWorking = true;
    try {
      for (const frame of frames) {
        if (this.#isDeaf) break;
        await this.#events.onMessage(frame, hasMore);
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#isWorking = false;
    this.#idleTimer.hear();
  }

  #fail(reason: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.ignore();
    this.#events.onFailure(reason);
  }
}
