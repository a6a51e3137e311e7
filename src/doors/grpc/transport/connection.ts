import { constants, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { Allowance } from "../../../service/allowance.js";
import { LONGEST_TIMER } from "../../../service/timers.js";
import { HTTP2_LIMITS } from "./limits.js";

/** What a connection is told, in seconds; `Infinity` is never. */
export interface ConnectionOptions {
  /** Between two pings. */
  keepaliveTime: number;
  /** Until an unanswered ping ends the connection. */
  keepaliveTimeout: number;
  /** Until the client is asked to connect anew. */
  maxConnectionAge: number;
  /** Called with why a connection was closed that its client would have kept. */
  onClosed: (connection: Connection, reason: string) => void;
}

/** Share of its age by which a connection lives longer or shorter, so that not all clients come back at once. */
const JITTER = 0.1;
/** Milliseconds between two looks at whether the connection still speaks. */
const LOOK_EVERY = 1000;

/**
 * A client's connection: finds out when its client is not there any more, asks it to leave in peace when its time has
 * come, and closes it when nothing can be said on it any more.
 */
export class Connection {
  /** Address and port of the client. */
  readonly peer: string;
  /** Calls that are open on it. */
  readonly streams = new Set<ServerHttp2Stream>();
  readonly #session: ServerHttp2Session;
  readonly #options: ConnectionOptions;
  readonly #resets = new Allowance(HTTP2_LIMITS.resetBurst, HTTP2_LIMITS.resetsPerSecond);
  readonly #timers: NodeJS.Timeout[] = [];
  #pingTimer: NodeJS.Timeout | undefined;
  #isLeaving = false;
  #bytesRead = 0;
  /** The answer to a look's ping is still to come. */
  #isAsked = false;
  /** Bytes that were written when a look began that nothing was written since. */
  #silentAt: number | undefined;

  constructor(session: ServerHttp2Session, options: ConnectionOptions) {
    this.#session = session;
    this.#options = options;
    const { remoteAddress = "unknown", remotePort = 0 } = session.socket;
    this.peer = remoteAddress.includes(":")
      ? `[${remoteAddress}]:${remotePort}`
      : `${remoteAddress}:${remotePort}`;
    const { keepaliveTime, maxConnectionAge } = options;
    this.#every(keepaliveTime, () => this.#ping());
    this.#every(LOOK_EVERY / 1000, () => this.#look());
    if (Number.isFinite(maxConnectionAge)) {
      const age = maxConnectionAge * (1 + JITTER * (2 * Math.random() - 1));
      this.#timers.push(setTimeout(() => this.leave(), Math.min(age * 1000, LONGEST_TIMER)));
    }
    for (const timer of this.#timers) timer.unref();
    // Node destroys a session with an error by itself; this is where its client's fault is learnt.
    session.on("error", ({ code, message }: NodeJS.ErrnoException) => {
      // The others are of the network: its client is gone.
      if (code?.startsWith("ERR_HTTP2_")) this.#options.onClosed(this, message);
    });
    session.once("close", () => this.#forget());
  }

  /** Takes in a stream that its client has opened. */
  admit(stream: ServerHttp2Stream): void {
    this.streams.add(stream);
    const onClose = () => {
      this.streams.delete(stream);
      const isReset = stream.rstCode !== constants.NGHTTP2_NO_ERROR;
      if (isReset && !this.#resets.take()) this.leave();
      this.#closeIfDone();
    };
    if (stream.closed || stream.destroyed) onClose();
    else stream.once("close", onClose);
  }

  /**
   * Asks the client to connect anew. Its calls go on, and so do pings: the session is closed when the last of them is
   * answered. What the client has sent too late to be told is not begun, and it knows which calls those are.
   */
  leave(): void {
    const session = this.#session;
    if (this.#isLeaving || session.closed || session.destroyed) return;
    this.#isLeaving = true;
    session.goaway(constants.NGHTTP2_NO_ERROR);
    this.#closeIfDone();
  }

  /** Nothing can be sent to this client any more. */
  #drop(reason: string): void {
    if (this.#session.destroyed) return;
    this.#options.onClosed(this, reason);
    this.#session.destroy();
  }

  #every(seconds: number, act: () => void): void {
    if (Number.isFinite(seconds)) this.#timers.push(setInterval(act, seconds * 1000));
  }

  /** A session that is being closed takes no ping, and is not dead for that. */
  #ping(): void {
    if (this.#session.closed || this.#session.destroyed || this.#pingTimer) return;
    const { keepaliveTimeout } = this.#options;
    this.#pingTimer = setTimeout(
      () => this.#drop(`no answer to a ping for ${keepaliveTimeout} s`),
      keepaliveTimeout * 1000,
    ).unref();
    this.#session.ping(() => {
      clearTimeout(this.#pingTimer);
      this.#pingTimer = undefined;
    });
  }

  /**
   * After some errors of a client nghttp2 neither reads nor writes any more, and tells nobody: the connection is mute and
   * its calls hang. It is noticed by a ping that is never written, although nothing else is in its way.
   */
  #look(): void {
    const { socket, closed, destroyed } = this.#session;
    if (closed || destroyed) return;
    const { bytesRead, bytesWritten } = socket;
    if (this.#silentAt !== undefined && this.#silentAt === bytesWritten && !this.#isBlocked) {
      this.#drop("an error of HTTP/2 by the client");
      return;
    }
    this.#silentAt = undefined;
    if (bytesRead === this.#bytesRead || this.#isBlocked || this.#isAsked) return;
    this.#bytesRead = bytesRead;
    this.#silentAt = bytesWritten;
    this.#isAsked = true;
    this.#session.ping(() => {
      this.#isAsked = false;
    });
  }

  /** What the client does not read is in the way of everything else. */
  get #isBlocked(): boolean {
    for (const stream of this.streams) if (stream.writableLength > 0) return true;
    return this.#session.socket.writableLength > 0;
  }

  #closeIfDone(): void {
    if (this.#isLeaving && this.streams.size === 0) this.#session.close();
  }

  #forget(): void {
    clearTimeout(this.#pingTimer);
    // Timeouts and intervals are the same to Node.
    for (const timer of this.#timers) clearTimeout(timer);
  }
}
