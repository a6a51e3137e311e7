import type { WebSocket } from "ws";
import type { LiveEvent, LiveOptions, LiveProgress, LiveStats, ModelInfo } from "../../index.js";
import type { Call } from "../../service/call/call.js";
import { ClientGone, Unavailable } from "../../service/call/call.js";
import type { Service } from "../../service/service.js";
import { failureOf, type SocketFailure } from "./failures.js";

/** Options of a stream but for those that the call and the server have. */
export type StreamOptions = Omit<LiveOptions, "record" | "signal">;

type OpenStream = Awaited<ReturnType<Service["live"]>>;

/** What a session is given, whatever it is connected by. */
export interface Caller {
  service: Service;
  /** Ends with the connection. */
  call: Call;
}

/** The same of a WebSocket. */
export interface Connection extends Caller {
  socket: WebSocket;
}

/** What becomes of a connection whose messages are `M`. */
export interface LineEvents<M extends unknown[]> {
  /** The next message, when the one before has been dealt with. What it throws is a failure. */
  onMessage(...message: M): Promise<void>;
  /** The client is there. */
  onHeard(): void;
  /** Why it cannot go on. */
  onFailure(reason: unknown): void;
  /** It is over. */
  onClose(): void;
}

/** A connection, as sessions use it. */
export interface Line {
  /** Takes nothing more from the client. */
  ignore(): void;
  /** Closes after what was sent, with a status of the protocol of WebSockets. */
  close(code: number, reason?: string): void;
  break(): void;
}

/** A stream that is open. */
interface Track {
  stream: OpenStream;
  /** Nothing more is written to it, and all that was said is being told. */
  isEnding: boolean;
  reading: Promise<void>;
}

/** A connection that is closed with a status of its own. */
const NORMAL = 1000;

/**
 * One client of a live door, whatever its protocol: what it says goes into a stream, or one for each of its tracks, and the
 * events of that are told in its words.
 */
export abstract class LiveSession<L extends Line, M extends unknown[]> {
  protected readonly service: Service;
  protected readonly call: Call;
  protected readonly peer: L;
  readonly #tracks = new Map<number, Track>();
  /** Of streams that have ended. */
  #received = 0;
  #processed = 0;
  #finals = 0;
  #model: ModelInfo | undefined;
  #isOver = false;
  #ending: Promise<LiveStats[]> | undefined;

  /** @param connect makes the connection; seconds without a sign of life after which it is to fail are a setting */
  constructor({ service, call }: Caller, connect: (events: LineEvents<M>, idleTimeout: number) => L) {
    this.service = service;
    this.call = call;
    const events: LineEvents<M> = {
      onMessage: (...message) => this.onMessage(...message),
      onHeard: () => {
        for (const { stream } of this.#tracks.values()) stream.keepAlive();
      },
      onFailure: (reason) => this.fail(reason),
      onClose: () => void this.#onClose(),
    };
    this.peer = connect(events, service.settings.liveIdleTimeout);
    call.signal.addEventListener("abort", () => this.fail(call.signal.reason), { once: true });
  }

  protected abstract onMessage(...message: M): Promise<void>;
  /** @param track whose stream it comes from */
  protected abstract onEvent(event: LiveEvent, track: number): void;
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
   * @param track which of several it is
   * @throws TranscriptionError QUEUE_FULL, INVALID_ARGUMENT, as `Service.live`
   */
  protected async open(options: StreamOptions, model?: string, track = 0): Promise<void> {
    this.call.markReading();
    const { service } = this;
    const chosen = model === undefined ? undefined : await service.models.find(model);
    const stream = await service.live(this.call, options, chosen);
    this.#model = stream.model;
    this.#tracks.set(track, { stream, isEnding: false, reading: this.#read(stream, track) });
  }

  /** Writes audio; resolves when there is room for more. */
  protected async write(audio: Uint8Array, track = 0): Promise<void> {
    const { stream } = this.#tracks.get(track)!;
    this.call.bytes += audio.length;
    await stream.write(audio);
  }

  /** The model that listens, or has listened; before there is a stream, the main one. */
  protected get model(): ModelInfo {
    return this.#model ?? this.service.models.main.model;
  }

  /** Seconds of audio that wait to be listened to. */
  protected get lag(): number {
    const { processed, received } = this.progressOf(0);
    return received - processed;
  }

  /** Seconds of audio that were listened to. */
  protected get processed(): number {
    return this.progressOf(0).processed;
  }

  /** How far a stream that is open is. */
  protected progressOf(track: number): Pick<LiveProgress, "received" | "processed"> {
    return this.#tracks.get(track)?.stream.progress ?? { received: 0, processed: 0 };
  }

  /** Ends what is being said, in all tracks or in one. Its finals have been told when it resolves. */
  protected async flush(track?: number): Promise<void> {
    const open = [...this.#tracks].filter(([each, { isEnding }]) => !isEnding && each === (track ?? each));
    await Promise.all(open.map(([, { stream }]) => stream.flush()));
    await eventsTold();
  }

  /** Ends the streams that are open. Everything has been told when it resolves; others may be opened. */
  protected end(): Promise<LiveStats[]> {
    this.#ending ??= this.#endAll().finally(() => {
      this.#ending = undefined;
    });
    return this.#ending;
  }

  async #endAll(): Promise<LiveStats[]> {
    const open = [...this.#tracks.values()];
    for (const track of open) track.isEnding = true;
    const all = await Promise.all(
      open.map(async ({ reading, stream }) => {
        const stats = await stream.end();
        await reading;
        this.#received += stats.received;
        this.#processed += stats.processed;
        this.#finals += stats.finals;
        return stats;
      }),
    );
    this.#tracks.clear();
    return all;
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
    this.onOver();
    this.peer.close(code, reason);
  }

  /** It cannot go on: tells why, once. */
  protected fail(reason: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const failure = failureOf(reason, this.call.id);
    this.service.logFailure(this.call, reason, failure.message, failure.reason);
    this.call.outcome ??= failure.reason;
    this.onOver(failure);
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

  /** Nothing more comes of it; once. @param failure why, where it could not go on */
  protected onOver(_failure?: SocketFailure): void {}

  /** What is done yet when the client is gone, so that nothing is lost. */
  protected async outlive(): Promise<void> {}

  /** Nobody waits for it any more. */
  break(): void {
    this.peer.break();
  }

  async #read(stream: OpenStream, track: number): Promise<void> {
    try {
      for await (const event of stream) if (!this.#isOver) this.onEvent(event, track);
    } catch (error) {
      // What a cancelled stream rejects with tells less than why it was cancelled.
      const { signal } = this.call;
      this.fail(signal.aborted ? signal.reason : error);
    }
  }

  async #onClose(): Promise<void> {
    await this.outlive().catch((error: unknown) => this.fail(error));
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
