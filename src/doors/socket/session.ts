import type { WebSocket } from "ws";
import type { LiveEvent, LiveOptions, LiveStats } from "../../index.js";
import type { Call } from "../../service/call/call.js";
import { ClientGone, Unavailable } from "../../service/call/call.js";
import type { Service } from "../../service/service.js";
import { failureOf, type SocketFailure } from "./failures.js";
import { Peer, type PeerOptions } from "./peer.js";

/** Options of a stream but for those that the call has. */
export type StreamOptions = Omit<LiveOptions, "signal">;

type OpenStream = Awaited<ReturnType<Service["live"]>>;

/** What a session is given. */
export interface Connection {
  service: Service;
  /** Ends with the connection. */
  call: Call;
  socket: WebSocket;
}

/** A connection that is closed with a status of its own. */
const NORMAL = 1000;

/**
 * One client of a live door, whatever its protocol: what it says goes into a stream, and the events of that are told in its
 * words.
 */
export abstract class LiveSession {
  protected readonly service: Service;
  protected readonly call: Call;
  protected readonly peer: Peer;
  #stream: OpenStream | undefined;
  /** Nothing more is written to it, and all that was said is being told. */
  #isEnding = false;
  #reading: Promise<void> = Promise.resolve();
  /** Of streams that have ended. */
  #received = 0;
  #processed = 0;
  #finals = 0;
  #isOver = false;

  constructor({ service, call, socket }: Connection, options: Partial<PeerOptions> = {}) {
    this.service = service;
    this.call = call;
    const { liveIdleTimeout: idleTimeout } = service.settings;
    this.peer = new Peer(
      socket,
      { idleTimeout, ...options },
      {
        onMessage: (data, isBinary) => (isBinary ? this.onBinary(data) : this.onText(data.toString())),
        onHeard: () => this.#stream?.keepAlive(),
        onFailure: (reason) => this.fail(reason),
        onClose: () => this.#onClose(),
      },
    );
    call.signal.addEventListener("abort", () => this.fail(call.signal.reason), { once: true });
  }

  protected abstract onText(text: string): Promise<void>;
  protected abstract onBinary(bytes: Buffer): Promise<void>;
  protected abstract onEvent(event: LiveEvent): void;
  /** Tells why it ends, and closes the connection. */
  protected abstract tell(failure: SocketFailure): void;

  /** Whether nothing more comes of it. */
  protected get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Opens the stream.
   * @param model what the client calls it: clients name those of the server that they were made for, so one that is not here
   *   is the main one
   * @throws TranscriptionError QUEUE_FULL, INVALID_ARGUMENT, as `Service.live`
   */
  protected async open(options: StreamOptions, model?: string): Promise<void> {
    this.call.markReading();
    const { service } = this;
    const chosen = model === undefined ? undefined : await service.models.find(model);
    const stream = await service.live(this.call, options, chosen);
    this.#stream = stream;
    this.#reading = this.#read(stream);
  }

  /** Writes audio; resolves when there is room for more. */
  protected async write(audio: Uint8Array): Promise<void> {
    const stream = this.#stream!;
    this.call.bytes += audio.length;
    await stream.write(audio);
  }

  /** Seconds of audio that wait to be listened to. */
  protected get lag(): number {
    return (this.#stream?.progress.received ?? 0) - this.processed;
  }

  /** Seconds of audio that were listened to. */
  protected get processed(): number {
    return this.#stream?.progress.processed ?? 0;
  }

  /** Ends what is being said. Its finals have been told when it resolves. */
  protected async flush(): Promise<void> {
    if (!this.#isEnding) await this.#stream?.flush();
    await eventsTold();
  }

  /** Ends the stream, if there is one. Everything has been told when it resolves; another may be opened. */
  protected async end(): Promise<LiveStats | undefined> {
    const stream = this.#stream;
    if (!stream) return undefined;
    this.#isEnding = true;
    const stats = await stream.end();
    await this.#reading;
    this.#stream = undefined;
    this.#isEnding = false;
    this.#received += stats.received;
    this.#processed += stats.processed;
    this.#finals += stats.finals;
    return stats;
  }

  /** Everything is told: closes. */
  protected complete(code = NORMAL, reason = ""): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.call.outcome ??= "OK";
    const [seconds, finals] = [this.#received, this.#finals];
    this.service.logFound(this.call, `${finals} finals of ${seconds.toFixed(1)} s of live audio`, {
      audio_seconds: seconds,
      processed_seconds: this.#processed,
      finals,
    });
    this.peer.close(code, reason);
  }

  /** It cannot go on: tells why, once. */
  protected fail(reason: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const failure = failureOf(reason, this.call.id);
    this.service.logFailure(this.call, reason, failure.message, failure.reason);
    this.call.outcome ??= failure.reason;
    if (!(reason instanceof ClientGone)) this.tell(failure);
    // Whatever still runs for it.
    this.call.fail(reason as Error);
  }

  /** The server stops: what has been said so far is told first. */
  async windUp(): Promise<void> {
    if (this.#isOver) return;
    this.peer.ignore();
    await this.end().catch(() => {});
    if (!this.#isOver) this.tellRest();
    this.fail(new Unavailable("The server is shutting down"));
  }

  /** Tells what the protocol tells at the end alone, where the server ends it. */
  protected tellRest(): void {}

  /** Nobody waits for it any more. */
  break(): void {
    this.peer.break();
  }

  async #read(stream: OpenStream): Promise<void> {
    try {
      for await (const event of stream) if (!this.#isOver) this.onEvent(event);
    } catch (error) {
      // What a cancelled stream rejects with tells less than why it was cancelled.
      const { signal } = this.call;
      this.fail(signal.aborted ? signal.reason : error);
    }
  }

  #onClose(): void {
    this.fail(new ClientGone("The client is gone"));
    const { call, service } = this;
    service.calls.end(call);
    service.metrics.received(call.bytes);
    service.metrics.ended(call.method, call.outcome ?? "CANCELLED", call.age);
  }
}

/** Resolves when the events that a stream has emitted were read. */
function eventsTold(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
