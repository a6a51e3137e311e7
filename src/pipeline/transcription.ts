import type { DecodedAudio } from "../audio/types.js";
import type { ResolvedRequest } from "../config/options.js";
import type { DraftCount, Engine, VadModel } from "../engine/types.js";
import { TranscriptionError } from "../errors.js";
import type { Segment, TranscriptionResult } from "../result.js";
import { interleave, joinTexts } from "./assemble.js";
import type { ModelRequest } from "./fit-to-model.js";
import { Limiter } from "./limiter.js";
import type { RequestScope } from "./request-scope.js";
import { countCodePoints, countWords, speedFactor } from "./stats.js";
import { Track, type WindowJob } from "./track.js";

/** What a transcription works with. */
export interface TranscriptionJob {
  audio: DecodedAudio;
  engine: Engine;
  /** Undefined: windows are cut at quiet places. */
  vad: VadModel | undefined;
  request: ResolvedRequest;
  /** `request`, settled for the engine's model. */
  modelRequest: ModelRequest;
  scope: RequestScope;
  /** `performance.now()` of the call. */
  startedAt: number;
}

/**
 * Transcribes a recording that is being decoded. Windows go to the engine as soon as they are complete, at most
 * `engine.concurrency + 1` at once over all tracks: the one more keeps the engine busy while the next is decoded, and
 * the limit keeps memory bounded, since decoding waits when the engine does not keep up.
 *
 * When anything fails the rest is cancelled, and nothing runs any more when this rejects. Leaves `audio` open.
 *
 * @throws TranscriptionError
 */
export async function transcribeAudio(job: TranscriptionJob): Promise<TranscriptionResult> {
  const transcription = new Transcription(job);
  try {
    await transcription.run();
  } catch (error) {
    job.scope.fail(error);
  }
  await transcription.close();
  job.scope.throwIfEnded();
  return transcription.result();
}

class Transcription {
  readonly #job: TranscriptionJob;
  readonly #tracks: Track[];
  readonly #limiter: Limiter;
  /** All audio has been read. */
  #decoded = false;

  constructor(job: TranscriptionJob) {
    this.#job = job;
    const { audio, engine, vad, request, modelRequest, scope } = job;
    const options = {
      maxWindow: modelRequest.maxWindow,
      vad,
      vadOptions: request.vadOptions,
      clips: request.clips,
      detection: request.detection,
      trustedTemperature: request.promptResetOnTemperature,
    };
    const apart = request.channels === "each";
    this.#tracks = Array.from(
      { length: audio.trackCount },
      (_, i) => new Track(options, apart ? i : undefined),
    );
    this.#limiter = new Limiter(engine.concurrency + 1, (error) => scope.fail(error));
    for (const track of this.#tracks) track.language = modelRequest.language;
  }

  async run(): Promise<void> {
    const { audio, scope } = this.#job;
    for await (const block of audio.blocks()) {
      for (const [i, track] of this.#tracks.entries()) {
        scope.throwIfEnded();
        await this.#submit(track, await track.push(block[i]!));
      }
    }
    this.#decoded = true;
    for (const track of this.#tracks) {
      scope.throwIfEnded();
      await this.#submit(track, await track.flush());
      await this.#decideLanguage(track);
    }
    await this.#limiter.idle();
    scope.throwIfEnded();
    this.#reportProgress(audio.duration);
  }

  /** Waits for what still runs and frees the tracks. */
  async close(): Promise<void> {
    await this.#limiter.idle();
    for (const track of this.#tracks) track.close();
  }

  result(): TranscriptionResult {
    const { audio, engine, modelRequest, request, startedAt } = this.#job;
    const tracks = this.#tracks;
    const segments = interleave(tracks.map((track) => track.segments));
    const text = joinTexts(segments);
    const processingTime = (performance.now() - startedAt) / 1000;
    const spoken = tracks.find((track) => track.windowCount > 0) ?? tracks[0];
    return {
      text,
      segments,
      ...this.#languageOf(spoken),
      duration: audio.duration,
      ...(request.channels === "each" && {
        channels: tracks.map((track, channel) => ({
          channel,
          text: joinTexts(track.segments),
          ...this.#languageOf(track),
        })),
      }),
      stats: {
        wordCount: countWords(text),
        charCount: countCodePoints(text),
        speechDuration: tracks.reduce((sum, track) => sum + track.speech, 0),
        windowCount: tracks.reduce((sum, track) => sum + track.windowCount, 0),
        ...draftOf(tracks),
        processingTime,
        speedFactor: speedFactor(audio.duration, processingTime),
      },
      warnings: [...audio.warnings, ...modelRequest.warnings],
      format: audio.format,
      model: engine.model.name,
      implementation: engine.implementation,
      computeType: engine.model.computeType,
      device: engine.device,
    };
  }

  #languageOf(track: Track | undefined): { language: string; languageProbability: number } {
    const given = this.#job.modelRequest.language;
    if (given !== undefined) return { language: given, languageProbability: 1 };
    const { language = "", probability = 0 } = track?.vote.result() ?? {};
    return { language, languageProbability: probability };
  }

  async #submit(track: Track, jobs: WindowJob[]): Promise<void> {
    for (const job of jobs) {
      if (track.language !== undefined || this.#job.request.multilingual) {
        await this.#start(track, track.language, job);
        continue;
      }
      track.undecided.push(job);
      await this.#detect(track, job);
      if (track.vote.isSettled) await this.#decideLanguage(track);
    }
  }

  async #detect(track: Track, job: WindowJob): Promise<void> {
    const { engine, scope } = this.#job;
    const { done } = await this.#limiter.start(async () => {
      scope.throwIfEnded();
      track.vote.add(await engine.detectLanguage(job.samples!, scope.signal), job.speech);
    });
    await done;
    scope.throwIfEnded();
  }

  /** Settles the track's language with what has been heard and starts the windows that waited for it. */
  async #decideLanguage(track: Track): Promise<void> {
    if (track.undecided.length === 0) return;
    const { language } = track.vote.result();
    track.language = language;
    for (const job of track.undecided.splice(0)) await this.#start(track, language, job);
  }

  /** @param language undefined: the window's own is detected first */
  async #start(track: Track, language: string | undefined, job: WindowJob): Promise<void> {
    const { request, scope } = this.#job;
    if (request.conditionOnPreviousText) await track.latest;
    const { done } = await this.#limiter.start(() => this.#transcribe(track, language, job));
    track.latest = done;
    scope.throwIfEnded();
  }

  async #transcribe(track: Track, given: string | undefined, job: WindowJob): Promise<void> {
    const { engine, modelRequest, request, scope } = this.#job;
    scope.throwIfEnded();
    const language = given ?? (await this.#detectOwn(track, job));
    const previousText = request.conditionOnPreviousText ? track.previousText : "";
    const options = { ...modelRequest.window, language, previousText };
    const result = await engine.transcribeWindow(job.samples!, options, scope.signal);
    for (const segment of track.complete(job, result)) this.#reportSegment(segment);
    this.#reportProgress(Math.min(...this.#tracks.map((each) => each.finished)));
  }

  /** The language of one window. */
  async #detectOwn(track: Track, job: WindowJob): Promise<string> {
    const { engine, scope } = this.#job;
    const detection = await engine.detectLanguage(job.samples!, scope.signal);
    scope.throwIfEnded();
    track.vote.add(detection, job.speech);
    job.language = detection.language;
    return detection.language;
  }

  #reportSegment(segment: Segment): void {
    this.#call("onSegment", this.#job.request.onSegment, segment);
  }

  #reportProgress(processed: number): void {
    const { audio, request, startedAt } = this.#job;
    // A header may announce less than there is.
    const announced = audio.expectedDuration && Math.max(audio.expectedDuration, audio.duration);
    const total = this.#decoded ? audio.duration : announced;
    const elapsed = (performance.now() - startedAt) / 1000;
    this.#call("onProgress", request.onProgress, {
      processed,
      total,
      speedFactor: speedFactor(processed, elapsed),
    });
  }

  /**
   * Calls back; what the callback throws, or rejects with when it is async, ends the request.
   * @throws TranscriptionError when that happens, and instead of calling when the request has ended already
   */
  #call<T>(name: string, callback: ((value: T) => unknown) | undefined, value: T): void {
    const { scope } = this.#job;
    scope.throwIfEnded();
    const failed = (cause: unknown): TranscriptionError =>
      new TranscriptionError("INVALID_ARGUMENT", `The ${name} callback failed: ${messageOf(cause)}`, {
        cause,
      });
    try {
      const returned = callback?.(value);
      if (returned instanceof Promise) returned.catch((error: unknown) => scope.fail(failed(error)));
    } catch (error) {
      throw failed(error);
    }
  }
}

function draftOf(tracks: readonly Track[]): { draft?: DraftCount } {
  const counts = tracks.flatMap(({ draft }) => draft ?? []);
  if (counts.length === 0) return {};
  const sum = (of: (count: DraftCount) => number): number =>
    counts.reduce((total, each) => total + of(each), 0);
  return { draft: { proposed: sum((each) => each.proposed), accepted: sum((each) => each.accepted) } };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
