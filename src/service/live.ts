import {
  diarizationEngines,
  type LiveEvent,
  type LiveOptions,
  type LiveProgress,
  type LiveStats,
  type LiveStream,
  type ModelInfo,
  type Transcriber,
  TranscriptionError,
} from "../index.js";
import type { Call } from "./call/call.js";
import type { Kept, LiveRecording } from "./live-recording.js";
import type { ServerMetrics } from "./metrics/server-metrics.js";
import { type ServerSettings, variableOf } from "./settings.js";

/** A live stream of a call. */
export interface LiveSession extends LiveStream {
  /** What listens. */
  readonly model: ModelInfo;
  /** The client says that there will be more audio. */
  keepAlive(): void;
  /** Once it is done: where its audio is kept, if it is. */
  readonly kept: Kept | undefined;
}

/** Milliseconds between looks at how far a stream is. */
const LOOK = 500;

/**
 * Options of a stream that tell who speaks, where the server can: speakers of one channel take a model that is here.
 * @param most speakers at most; undefined: as many as there are
 */
export async function speakersIfPossible(
  { cacheDir }: Pick<ServerSettings, "cacheDir">,
  channels: number,
  most?: number,
): Promise<Pick<LiveOptions, "diarize">> {
  if (channels > 1) return { diarize: true };
  const engines = await diarizationEngines(cacheDir === undefined ? {} : { cacheDir });
  if (!engines.includes("nemotron")) return {};
  return { diarize: most === undefined ? true : { maxSpeakers: most } };
}

/** The live streams of all doors: how many there are, and that none of them stays for nothing. */
export class LiveStreams {
  readonly #settings: ServerSettings;
  readonly #metrics: Pick<ServerMetrics, "liveEnded" | "liveRefused">;
  readonly #open = new Set<LiveSession>();

  constructor(settings: ServerSettings, metrics: Pick<ServerMetrics, "liveEnded" | "liveRefused">) {
    this.#settings = settings;
    this.#metrics = metrics;
  }

  /** Streams that are open. */
  get size(): number {
    return this.#open.size;
  }

  /** Most seconds of audio that wait in one of them. */
  get lag(): number {
    return Math.max(0, ...[...this.#open].map(({ progress }) => progress.received - progress.processed));
  }

  /**
   * A stream that ends with its call, which keeps what it holds until nothing of the stream runs any more.
   * @param recording takes its audio; undefined: it is not kept
   * @throws TranscriptionError QUEUE_FULL; INVALID_ARGUMENT as `Transcriber.live`
   */
  start(call: Call, transcriber: Transcriber, options: LiveOptions, recording?: LiveRecording): LiveSession {
    const { language, liveMaxStreams } = this.#settings;
    call.signal.throwIfAborted();
    if (this.#open.size >= liveMaxStreams) {
      this.#metrics.liveRefused();
      throw new TranscriptionError(
        "QUEUE_FULL",
        `${this.#open.size} live streams are open, the most that ${variableOf("liveMaxStreams")} allows; try again later`,
      );
    }
    const hasLanguage = transcriber.info.languages.includes(language);
    const stream = transcriber.live({
      ...(hasLanguage && { language }),
      ...options,
      ...diarizationOf(options),
      ...(recording && { record: recording }),
      signal: call.signal,
    });
    const session = new WatchedStream(stream, transcriber.info.model, this.#settings, recording);
    this.#open.add(session);
    call.markStarted();
    void call
      .work(() => stream.closed)
      .then(() => {
        this.#open.delete(session);
        this.#metrics.liveEnded(stream.progress);
      });
    return session;
  }
}

/** A stream waits for no download. */
function diarizationOf({ diarize }: LiveOptions): Pick<LiveOptions, "diarize"> {
  if (diarize === undefined || diarize === false) return {};
  return { diarize: { ...(diarize !== true && diarize), download: false } };
}

/** A stream that fails when its client is silent for too long, or nothing comes of what was sent. */
class WatchedStream implements LiveSession {
  readonly #stream: LiveStream;
  readonly #settings: Pick<ServerSettings, "liveIdleTimeout" | "liveStallTimeout">;
  readonly #recording: LiveRecording | undefined;
  #heardAt = performance.now();
  #processed = 0;
  #processedAt = performance.now();
  #writing = 0;
  #isEnding = false;

  constructor(
    stream: LiveStream,
    readonly model: ModelInfo,
    settings: ServerSettings,
    recording: LiveRecording | undefined,
  ) {
    this.#stream = stream;
    this.#settings = settings;
    this.#recording = recording;
    const timer = setInterval(() => this.#look(), LOOK).unref();
    void stream.closed.then(() => clearInterval(timer));
  }

  get closed(): Promise<void> {
    return this.#stream.closed;
  }

  get kept(): Kept | undefined {
    return this.#recording?.kept;
  }

  get progress(): LiveProgress {
    return this.#stream.progress;
  }

  async write(audio: Uint8Array): Promise<void> {
    this.#writing++;
    try {
      await this.#stream.write(audio);
    } finally {
      this.#writing--;
      this.keepAlive();
    }
  }

  flush(): Promise<void> {
    this.keepAlive();
    return this.#stream.flush();
  }

  end(): Promise<LiveStats> {
    this.#isEnding = true;
    return this.#stream.end();
  }

  cancel(reason?: Error): void {
    this.#stream.cancel(reason);
  }

  close(): Promise<void> {
    return this.#stream.close();
  }

  keepAlive(): void {
    this.#heardAt = performance.now();
  }

  [Symbol.asyncIterator](): AsyncIterator<LiveEvent> {
    return this.#stream[Symbol.asyncIterator]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stream.close();
  }

  #look(): void {
    const { liveIdleTimeout, liveStallTimeout } = this.#settings;
    const now = performance.now();
    const { received, processed } = this.#stream.progress;
    if (processed > this.#processed || processed === received) this.#processedAt = now;
    this.#processed = processed;
    if (now - this.#processedAt > liveStallTimeout * 1000) {
      this.#fail(`Nothing came of the stream's audio for ${liveStallTimeout} s`, "liveStallTimeout");
    } else if (!this.#isEnding && this.#writing === 0 && now - this.#heardAt > liveIdleTimeout * 1000) {
      // Who waits to write is not silent.
      this.#fail(`No audio came for ${liveIdleTimeout} s`, "liveIdleTimeout");
    }
  }

  #fail(message: string, setting: "liveIdleTimeout" | "liveStallTimeout"): void {
    this.#stream.cancel(new TranscriptionError("DEADLINE_EXCEEDED", `${message} (${variableOf(setting)})`));
  }
}
