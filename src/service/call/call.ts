import { TranscriptionError } from "../../index.js";
import { type Holder, Holdings, type Release } from "./holdings.js";
import { raced } from "./raced.js";

/** Why a call ended that nobody waits for any more. */
export class ClientGone extends Error {
  override readonly name = "ClientGone";
}

/** Why a call ended that may well succeed elsewhere or later: no fault of its client's, nor of its own. */
export class Unavailable extends Error {
  override readonly name = "Unavailable";
}

/** Seconds of a call's stages so far; 0 for those that have not begun. */
export interface Stages {
  /** Before anything of it was read. */
  unread: number;
  /** Until all of it was there. */
  uploading: number;
  /** For its turn. */
  waiting: number;
  working: number;
}

/**
 * One call from its headers to its trailers: who it is in the log, how long it takes, whether it goes on, and everything
 * that it holds. That is given back when the call is over and nothing works for it any more, whichever comes last.
 */
export class Call implements Holder {
  readonly #controller = new AbortController();
  readonly #holdings = new Holdings();
  #ofWork = new Holdings();
  #working = 0;
  #isOver = false;
  readonly #startedAt = performance.now();
  /** Resolves when the client has sent everything. */
  readonly received: Promise<void>;
  #markReceived!: () => void;
  #readAt: number | undefined;
  #receivedAt: number | undefined;
  #workedAt: number | undefined;
  /** Bytes of the recording that came with it. */
  bytes = 0;
  #timer: NodeJS.Timeout | undefined;
  /** What became of it, where its status does not tell: contract v1 answers failures in band. */
  outcome: string | undefined;

  /**
   * @param id stands in every line of the log
   * @param method full name of service and method
   * @param peer address of the client
   */
  constructor(
    readonly id: string,
    readonly method: string,
    readonly peer = "unknown",
  ) {
    this.received = new Promise((resolve) => {
      this.#markReceived = resolve;
    });
  }

  /** Fires with a {@link TranscriptionError}, {@link ClientGone} or {@link Unavailable}, and when the call is over. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Seconds since the call began. */
  get age(): number {
    return (performance.now() - this.#startedAt) / 1000;
  }

  /** Seconds since the request was complete, or since the call began while it is not. */
  get seconds(): number {
    return (performance.now() - (this.#receivedAt ?? this.#startedAt)) / 1000;
  }

  /** How long it took for what, up to now. */
  get stages(): Stages {
    const now = performance.now();
    const between = (from: number | undefined, to = now) =>
      from === undefined ? 0 : Math.max(0, to - from) / 1000;
    return {
      unread: between(this.#startedAt, this.#readAt),
      uploading: between(this.#readAt, this.#receivedAt),
      waiting: between(this.#receivedAt, this.#workedAt),
      working: between(this.#workedAt),
    };
  }

  /** From here on the client may send. */
  markReading(): void {
    this.#readAt = performance.now();
  }

  /** It is its turn. */
  markStarted(): void {
    this.#workedAt = performance.now();
  }

  /** The client has sent everything: what takes time from here on is our doing. */
  markReceived(): void {
    clearTimeout(this.#timer);
    this.#receivedAt = performance.now();
    this.#markReceived();
  }

  /** Ends the call's work, unless it has ended already. */
  fail(reason: Error): void {
    this.#controller.abort(reason);
  }

  /** Has the call fail after `seconds`, in place of what was said before; `Infinity`: never. */
  expireAfter(seconds: number, message: string): void {
    clearTimeout(this.#timer);
    if (!Number.isFinite(seconds) || this.#isOver) return;
    this.#timer = setTimeout(() => {
      this.fail(new TranscriptionError("DEADLINE_EXCEEDED", message));
    }, seconds * 1000);
  }

  hold(free: () => void): Release {
    return this.#holdings.hold(free);
  }

  /** Holds what only those need who work for the call: its answer may be on its way for long after that. */
  get worker(): Holder {
    return { signal: this.signal, hold: (free) => this.#ofWork.hold(free) };
  }

  /** Whether something works for it, and will hear of its failure. */
  get isWorkedFor(): boolean {
    return this.#working > 0;
  }

  /** Does `work` for the call, which keeps what it holds until that is done. */
  async work<T>(work: () => Promise<T>): Promise<T> {
    this.#working++;
    try {
      return await work();
    } finally {
      this.#working--;
      this.#settle();
    }
  }

  /**
   * Does `work` and delivers what comes of it, or tells `fail` why nothing does: the call may have failed while the work
   * ended.
   */
  async attempt<T>(
    work: () => Promise<T>,
    deliver: (answer: T) => void,
    fail: (reason: unknown) => void,
  ): Promise<void> {
    try {
      const answer = await this.work(work);
      this.signal.throwIfAborted();
      deliver(answer);
    } catch (error) {
      // What a cancelled request rejects with tells less than why it was cancelled.
      fail(this.signal.aborted ? this.signal.reason : error);
    }
  }

  /** The call is over: its trailers are sent, or its client is gone. */
  end(): void {
    this.fail(new ClientGone("The client is gone"));
    clearTimeout(this.#timer);
    this.#isOver = true;
    this.#settle();
  }

  /** The result of `work`, or the signal's reason as soon as that fires; `work` is not waited for then. */
  race<T>(work: Promise<T>): Promise<T> {
    return raced(work, this.signal);
  }

  #settle(): void {
    if (this.#working > 0) return;
    this.#ofWork.release();
    if (this.#isOver) this.#holdings.release();
    else this.#ofWork = new Holdings();
  }
}
