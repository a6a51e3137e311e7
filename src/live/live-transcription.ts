import { createResamplers, type TrackResampler } from "../audio/resample.js";
import type { ResolvedDiarization } from "../config/diarization.js";
import { notWhileSpoken, type ResolvedLive } from "../config/live-options.js";
import type { Lease } from "../engine/shared.js";
import { invalidArgument, TranscriptionError } from "../errors.js";
import { type ModelRequest, timesWordsOf } from "../pipeline/fit-to-model.js";
import { KEEP_DIARIZER } from "../pipeline/lease-diarizer.js";
import { newRequestNumber } from "../pipeline/request-number.js";
import { RequestScope } from "../pipeline/request-scope.js";
import { SAMPLE_RATE } from "../types/audio.js";
import type { Engine, VadModel } from "../types/engine.js";
import type { LiveEvent, LiveProgress, LiveStats, LiveStream } from "../types/live.js";
import type { Diarizer } from "../types/speakers.js";
import { Channel, type UtteranceLimits } from "./channel.js";
import { ChannelAsSpeaker, type ChannelSpeakers, DiarizedChannel, SpeakerNames } from "./channel-speakers.js";
import { EventQueue } from "./events.js";
import { Inbox } from "./inbox.js";
import { Lag } from "./lag.js";
import { Pace } from "./pace.js";
import { policyFor } from "./policies.js";
import { StreamRecording } from "./recording.js";
import { frameBytes, SampleReader } from "./sample-reader.js";
import { SpokenLanguage } from "./spoken-language.js";

/** Seconds of audio that may be unprocessed before writers are asked to wait. */
const MOST_WAITING = 15;
/** Seconds of a channel's audio that are taken out of the bytes ahead of what is being listened to. */
const MOST_AHEAD = 30;
/** How long utterances get at most, in seconds, as shares of what the model reads well: 20 and 28 of 30. */
const SOFT_LIMIT = 2 / 3;
const FORCED_LIMIT = 14 / 15;

/** What a stream works with. */
export interface LiveMeans {
  engine: Engine;
  /** The VAD model, once it is loaded. */
  findVad: () => Promise<VadModel>;
  /** A diarization model, as long as the scope lasts. */
  leaseDiarizer: (request: ResolvedDiarization, scope: RequestScope) => Promise<Lease<Diarizer>>;
  rules: ResolvedLive;
  /** `rules.request`, settled for the engine's model. */
  modelRequest: ModelRequest;
}

/** A live stream over a loaded model. */
export class LiveTranscription implements LiveStream {
  readonly #means: LiveMeans;
  readonly #policy: ReturnType<typeof policyFor>;
  readonly #scope: RequestScope;
  readonly #events = new EventQueue();
  readonly #inbox = new Inbox();
  readonly #pace = new Pace();
  readonly #lag = new Lag((progress) => this.#events.push({ type: "lag", ...progress }));
  readonly #bytesOfFrame: number;
  readonly #recording: StreamRecording | undefined;
  #channels: Channel[] = [];
  readonly #names = new SpeakerNames();
  #diarizer: Lease<Diarizer> | undefined;
  #bytes = 0;
  #finals = 0;
  /** Writers that wait until less is unprocessed. */
  #writers: (() => void)[] = [];
  #ended: Promise<LiveStats> | undefined;
  #isRead = false;
  readonly #running: Promise<LiveStats>;

  /** @throws TranscriptionError INVALID_ARGUMENT where the engine does not have the policy */
  constructor(means: LiveMeans) {
    this.#means = means;
    this.#policy = policyFor(means.rules.policy, means.engine, means.rules.interim);
    const { encoding, channels, record, signal } = means.rules;
    this.#bytesOfFrame = frameBytes(encoding, channels);
    this.#recording =
      record === undefined
        ? undefined
        : new StreamRecording(record, means.rules, (message) => this.#warn(message));
    this.#scope = new RequestScope(signal);
    const onAbort = (): void => {
      this.#inbox.wake();
      this.#letWritersGo();
    };
    this.#scope.signal.addEventListener("abort", onAbort, { once: true });
    this.#running = this.#run();
    // Told to those who wait for something, and to the reader.
    this.#running.catch(() => {});
  }

  get progress(): LiveProgress {
    const { sampleRate } = this.#means.rules;
    const frames = Math.floor(this.#bytes / this.#bytesOfFrame);
    const received = frames / sampleRate;
    // Of a stream that is resampled the whole is rounded.
    const all = Math.round((frames * SAMPLE_RATE) / sampleRate);
    const least = (of: (channel: Channel) => number): number => {
      const samples = this.#channels.length === 0 ? 0 : Math.min(...this.#channels.map(of));
      return samples >= all ? received : Math.min(received, samples / SAMPLE_RATE);
    };
    const processed = least((channel) => channel.processed);
    return {
      received,
      processed,
      committed: Math.min(
        processed,
        least((channel) => channel.committed),
      ),
    };
  }

  get closed(): Promise<void> {
    return this.#running.then(
      () => {},
      () => {},
    );
  }

  async write(audio: Uint8Array): Promise<void> {
    if (!(audio instanceof Uint8Array)) throw invalidArgument("audio", "a Uint8Array", audio);
    this.#throwIfOver();
    if (audio.length > 0) {
      const bytes = audio.slice();
      this.#bytes += bytes.length;
      this.#inbox.put({ bytes });
      this.#noteProgress();
      await this.#recording?.write(bytes);
    }
    while (this.#waiting >= MOST_WAITING) {
      await new Promise<void>((resolve) => this.#writers.push(resolve));
      this.#scope.throwIfEnded();
    }
  }

  async flush(): Promise<void> {
    this.#throwIfOver();
    const flushed = new Promise<void>((resolve) => this.#inbox.put({ flushed: resolve }));
    await Promise.race([flushed, this.#running]);
  }

  end(): Promise<LiveStats> {
    if (!this.#ended) {
      this.#ended = this.#running;
      this.#inbox.put("end");
    }
    return this.#ended;
  }

  cancel(reason?: Error): void {
    this.#scope.fail(
      reason instanceof TranscriptionError
        ? reason
        : new TranscriptionError("CANCELLED", "The stream was cancelled", { cause: reason }),
    );
  }

  async close(): Promise<void> {
    this.cancel();
    await this.closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  [Symbol.asyncIterator](): AsyncIterator<LiveEvent, undefined> {
    if (this.#isRead) {
      throw new TranscriptionError(
        "INVALID_ARGUMENT",
        "The events of a live stream are read once, by one reader",
      );
    }
    this.#isRead = true;
    return {
      next: async () => {
        const value = await this.#events.next();
        return value ? { done: false, value } : { done: true, value: undefined };
      },
      return: async () => {
        this.#events.clear();
        await this.close();
        return { done: true, value: undefined };
      },
    };
  }

  /** Seconds of audio that are unprocessed. */
  get #waiting(): number {
    const { received, processed } = this.progress;
    return received - processed;
  }

  #throwIfOver(): void {
    this.#scope.throwIfEnded();
    if (this.#ended) throw new TranscriptionError("INVALID_ARGUMENT", "The stream has been ended");
  }

  async #run(): Promise<LiveStats> {
    try {
      await this.#listen();
      await this.#recording?.end();
      const stats = this.#stats();
      this.#events.push({ type: "done", stats });
      this.#events.end();
      return stats;
    } catch (error) {
      const failure = this.#scope.fail(error);
      await this.#recording?.end();
      this.#events.end(failure);
      throw failure;
    } finally {
      // What still runs is cancelled, or there is nothing.
      this.#scope.close();
      this.#inbox.clear();
      await Promise.all(this.#channels.map((channel) => channel.close()));
      await this.#diarizer?.release(KEEP_DIARIZER);
      this.#letWritersGo();
    }
  }

  async #listen(): Promise<void> {
    const { engine, findVad, rules, modelRequest } = this.#means;
    const { signal } = this.#scope;
    const { sampleRate, encoding, channels } = rules;
    const loading = Promise.all([
      findVad(),
      createResamplers(sampleRate, channels),
      this.#recording?.begun,
      this.#findDiarizer(),
    ]);
    const [vad, resamplers] = await this.#scope.race(loading);
    this.#channels = resamplers.map((_, index) => this.#channel(index, vad));
    this.#events.push({ type: "ready", model: engine.model.name, sampleRate });
    this.#tellLanguage();
    for (const message of modelRequest.warnings) this.#events.push({ type: "warning", message });
    const reader = new SampleReader(encoding, channels);
    for (;;) {
      const item = await this.#inbox.take(signal);
      if (item === "end") break;
      if ("bytes" in item) {
        await this.#give(reader.push(item.bytes).map((samples, i) => resamplers[i]!.process(samples)));
      } else {
        await this.#all((channel) => channel.flush());
        item.flushed();
      }
    }
    await this.#finish(reader, resamplers);
  }

  async #finish(reader: SampleReader, resamplers: readonly TrackResampler[]): Promise<void> {
    await this.#give(resamplers.map((resampler) => resampler.flush()));
    await this.#all((channel) => channel.finish());
    if (reader.left > 0)
      this.#warn(`The last ${reader.left} bytes were left out: they are less than a sample of every channel`);
    if (reader.invalid > 0)
      this.#warn(`${reader.invalid} samples were not finite numbers of sensible size and became silence`);
  }

  /** Hands samples to the channels, and waits where one of them has more than enough of them. */
  async #give(planes: readonly Float32Array[]): Promise<void> {
    for (const [i, samples] of planes.entries()) {
      if (samples.length > 0) this.#channels[i]!.give(samples).catch((error) => this.#scope.fail(error));
    }
    const isAhead = (): boolean =>
      this.#channels.some((channel) => channel.waiting > MOST_AHEAD * SAMPLE_RATE);
    while (isAhead()) {
      await new Promise<void>((resolve) => this.#writers.push(resolve));
      this.#scope.throwIfEnded();
    }
  }

  async #all(work: (channel: Channel) => Promise<void>): Promise<void> {
    await this.#scope.race(Promise.all(this.#channels.map(work)));
    this.#scope.throwIfEnded();
  }

  async #findDiarizer(): Promise<void> {
    const { leaseDiarizer, rules } = this.#means;
    if (rules.diarize === undefined || rules.diarize === "channels") return;
    this.#diarizer = await leaseDiarizer(rules.diarize, this.#scope);
    const { createLiveSession, engine } = this.#diarizer.value;
    if (!createLiveSession) throw notWhileSpoken(`model of the ${engine} engine`, "diarize.model");
  }

  /** What tells who speaks on a channel; undefined: that is not wanted. */
  #speakersOf(channel: number): ChannelSpeakers | undefined {
    const { diarize } = this.#means.rules;
    if (diarize === undefined) return undefined;
    if (diarize === "channels") return new ChannelAsSpeaker(channel, this.#names);
    const { value } = this.#diarizer!;
    const { exactly, most } = diarize.count;
    const count = exactly ?? most ?? value.mostSpeakers;
    const session = value.createLiveSession!(newRequestNumber(), Math.min(count, value.mostSpeakers));
    return new DiarizedChannel(session, channel, this.#names, this.#scope.signal);
  }

  #channel(index: number, vad: VadModel): Channel {
    const { engine, rules, modelRequest } = this.#means;
    const { maxWindow } = modelRequest;
    const limits: UtteranceLimits = { soft: SOFT_LIMIT * maxWindow, forced: FORCED_LIMIT * maxWindow };
    // Where words are timed, those of neighbouring passes can be told apart.
    const window = { ...modelRequest.window, wordTimestamps: timesWordsOf(engine) };
    const { signal } = this.#scope;
    return new Channel({
      index,
      rules,
      limits,
      vad,
      policy: this.#policy({
        modelRequest: { ...modelRequest, window },
        request: newRequestNumber(),
        signal,
      }),
      language: new SpokenLanguage(modelRequest.language),
      signal,
      emit: (event) => this.#events.push(event),
      speakers: this.#speakersOf(index),
      nextFinal: () => this.#finals++,
      isBehind: (waiting) => this.#pace.isBehind(waiting),
      onProgress: () => this.#noteProgress(),
    });
  }

  /** Of a model that has one language, which is what every detection would find. */
  #tellLanguage(): void {
    const { rules, modelRequest } = this.#means;
    const { language } = modelRequest;
    if (language === undefined || rules.request.language !== undefined) return;
    for (const channel of this.#channels.keys())
      this.#events.push({ type: "language", channel, language, probability: 1 });
  }

  #noteProgress(): void {
    const { progress } = this;
    const waiting = progress.received - progress.processed;
    this.#pace.note(progress.received, waiting);
    // Nothing is told before the stream is ready.
    if (this.#channels.length > 0) this.#lag.note(progress);
    this.#letWritersGo();
  }

  /** Each looks for itself whether it has to wait on. */
  #letWritersGo(): void {
    for (const resolve of this.#writers.splice(0)) resolve();
  }

  #warn(message: string): void {
    this.#events.push({ type: "warning", message });
  }

  #stats(): LiveStats {
    const sum = (of: (channel: Channel) => number): number =>
      this.#channels.reduce((total, channel) => total + of(channel), 0);
    const { received, processed } = this.progress;
    return {
      received,
      processed,
      speech: sum(({ speech }) => speech),
      finals: sum(({ finals }) => finals),
      words: sum(({ words }) => words),
      steps: sum(({ policy }) => policy.steps),
      resets: sum(({ policy }) => policy.resets),
      replacedPartials: this.#events.replacedPartials,
      processingTime: sum(({ processingTime }) => processingTime),
      ...(this.#recording && { recorded: this.#recording.seconds }),
    };
  }
}
