import { TranscriptionError } from "../../index.js";

/** Why a call ended that nobody waits for any more. */
export class ClientGone extends Error {
  override readonly name = "ClientGone";
}

/** Why a call ended that the server could not finish before it stopped. */
export class ServerStopped extends Error {
  override readonly name = "ServerStopped";
}

/** One call from its headers to its trailers: who it is in the log, how long it takes, and whether it goes on. */
export class Call {
  readonly #controller = new AbortController();
  readonly #releases: (() => void)[] = [];
  readonly #startedAt = performance.now();
  /** Resolves when the client has sent everything. */
  readonly received: Promise<void>;
  #markReceived!: () => void;
  #receivedAt: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** What became of it, where its status does not tell: contract v1 answers failures in band. */
  outcome: string | undefined;

  /**
   * @param id stands in every line of the log
   * @param method full name of service and method
   */
  constructor(
    readonly id: string,
    readonly method: string,
  ) {
    this.received = new Promise((resolve) => {
      this.#markReceived = resolve;
    });
  }

  /** Fires with a {@link TranscriptionError}, {@link ClientGone} or {@link ServerStopped}, and when the call is over. */
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
    if (!Number.isFinite(seconds)) return;
    this.#timer = setTimeout(() => {
      this.fail(new TranscriptionError("DEADLINE_EXCEEDED", message));
    }, seconds * 1000);
  }

  /** Has `release` called when the call is over. */
  onEnd(release: () => void): void {
    this.#releases.push(release);
  }

  /** The call is over: its trailers are sent, or its client is gone. */
  end(): void {
    this.fail(new ClientGone("The client is gone"));
    clearTimeout(this.#timer);
    for (const release of this.#releases.splice(0)) release();
  }

  /** The result of `work`, or the signal's reason as soon as that fires; `work` is not waited for then. */
  race<T>(work: Promise<T>): Promise<T> {
    const { signal } = this;
    return new Promise((resolve, reject) => {
      const onAbort = () => reject(signal.reason);
      if (signal.aborted) onAbort();
      else signal.addEventListener("abort", onAbort, { once: true });
      work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
    });
  }
}
