import type { ResolvedRequest } from "../config/options.js";
import { TranscriptionError } from "../errors.js";
import type { SpeakerPass, SpokenBy } from "../speakers/speaker-pass.js";
import type { DecodedAudio } from "../types/audio.js";
import type {
  DetectionUse,
  DraftCount,
  Engine,
  UnknownLanguageOptions,
  VadModel,
  WindowResult,
} from "../types/engine.js";
import type { Segment, TranscriptionResult } from "../types/result.js";
import { interleave, joinTexts } from "./assemble.js";
import { detectAndTranscribe } from "./detect-and-transcribe.js";
import type { ModelRequest } from "./fit-to-model.js";
import { Limiter } from "./limiter.js";
import { newRequestNumber } from "./request-number.js";
import type { RequestScope } from "./request-scope.js";
import { skippedSoundWarnings } from "./skipped-sound.js";
import { countCodePoints, countWords, speedFactor } from "./stats.js";
import { Track, type WindowJob } from "./track.js";
import { droppedWarnings, unheardWarnings } from "./unheard.js";

/** What a transcription works with. */
export interface TranscriptionJob {
  audio: DecodedAudio;
  engine: Engine;
  /** Undefined: windows are cut at quiet places. */
  vad: VadModel | undefined;
  request: ResolvedRequest;
  /** Tells the speakers apart; undefined: that is not wanted. */
  speakers?: SpeakerPass | undefined;
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
  readonly #request = newRequestNumber();
  /** All audio has been read. */
  #decoded = false;
  #spokenBy: SpokenBy | undefined;

  constructor(job: TranscriptionJob) {
    this.#job = job;
    const { audio, engine, vad, request, modelRequest, scope, speakers } = job;
    const options = {
      maxWindow: modelRequest.maxWindow,
      vad,
      vadOptions: request.vadOptions,
      clips: request.clips,
      detection: request.detection,
      trustedTemperature: request.promptResetOnTemperature,
      compressionRatioThreshold: modelRequest.window.compressionRatioThreshold,
      logProbThreshold: modelRequest.window.logProbThreshold,
      textBefore: request.carryInitialPrompt ? "" : modelRequest.window.initialPrompt,
    };
    const apart = request.channels === "each" || (speakers !== undefined && audio.trackCount > 1);
    this.#tracks = Array.from(
      { length: audio.trackCount },
      (_, i) => new Track(options, apart ? i : undefined),
    );
    this.#limiter = new Limiter(engine.concurrency + 1, (error) => scope.fail(error));
    for (const track of this.#tracks) track.language = modelRequest.language;
  }

  async run(): Promise<void> {
    const { audio, scope, speakers } = this.#job;
    for await (const block of audio.blocks()) {
      await speakers?.push(block, scope.signal);
      for (const [i, track] of this.#tracks.entries()) {
        scope.throwIfEnded();
        await this.#submit(track, await track.push(block[i]!));
      }
    }
    this.#decoded = true;
    for (const track of this.#tracks) {
      scope.throwIfEnded();
      await this.#submit(track, await track.flush(), true);
      await this.#decideLanguage(track);
    }
    await this.#limiter.idle();
    scope.throwIfEnded();
    await this.#tellSpeakers();
    this.#reportProgress(audio.duration);
  }

  /** Waits for what still runs and frees the tracks. */
  async close(): Promise<void> {
    await this.#limiter.idle();
    for (const track of this.#tracks) track.close();
    this.#job.speakers?.close();
  }

  result(): TranscriptionResult {
    const { audio, engine, modelRequest, startedAt } = this.#job;
    const tracks = this.#tracks;
    const segments = this.#segments();
    const text = joinTexts(segments);
    const processingTime = (performance.now() - startedAt) / 1000;
    const spoken = tracks.find((track) => track.segments.length > 0) ?? tracks[0];
    return {
      text,
      segments,
      ...this.#languageOf(spoken),
      languageProbabilities:
        modelRequest.language === undefined ? (spoken?.vote.result().probabilities ?? []) : [],
      duration: audio.duration,
      ...(tracks[0]?.channel !== undefined && {
        channels: tracks.map((track, channel) => ({
          channel,
          text: joinTexts(track.segments),
          ...this.#languageOf(track),
        })),
      }),
      ...(this.#spokenBy && { speakers: this.#spokenBy.speakers, turns: this.#spokenBy.turns }),
      stats: {
        wordCount: countWords(text),
        charCount: countCodePoints(text),
        speechDuration: tracks.reduce((sum, track) => sum + track.speech, 0),
        windowCount: tracks.reduce((sum, track) => sum + track.windowCount, 0),
        ...draftOf(tracks),
        processingTime,
        speedFactor: speedFactor(audio.duration, processingTime),
      },
      warnings: [
        ...audio.warnings,
        ...modelRequest.warnings,
        ...(this.#spokenBy?.warnings ?? []),
        ...skippedSoundWarnings(tracks),
        ...tracks.flatMap(({ unheard, channel }) => unheardWarnings(unheard, channel)),
        ...tracks.flatMap(({ dropped, channel }) => droppedWarnings(dropped, channel)),
      ],
      format: audio.format,
      model: engine.model.name,
      implementation: engine.implementation,
      task: this.#job.request.window.task,
      computeType: engine.model.computeType,
      device: engine.device,
    };
  }

  #segments(): Segment[] {
    return this.#spokenBy?.segments ?? interleave(this.#tracks.map((track) => track.segments));
  }

  /** Segments are reported only now: where the speaker changes they are cut. */
  async #tellSpeakers(): Promise<void> {
    const { speakers, request, scope } = this.#job;
    if (!speakers) return;
    const spokenBy = await speakers.finish(this.#segments(), scope.signal);
    scope.throwIfEnded();
    if (!request.window.wordTimestamps) {
      spokenBy.segments = spokenBy.segments.map(({ words: _, ...segment }) => segment);
    }
    this.#spokenBy = spokenBy;
    for (const segment of spokenBy.segments) this.#reportSegment(segment);
  }

  #languageOf(track: Track | undefined): { language: string; languageProbability: number } {
    const given = this.#job.modelRequest.language;
    if (given !== undefined) return { language: given, languageProbability: 1 };
    // What was heard in noise is no language: nothing was said in it.
    if (!track || track.segments.length === 0) return { language: "", languageProbability: 0 };
    const { language, probability } = track.vote.result();
    return { language, languageProbability: probability };
  }

  /** @param ended these are the track's last windows */
  async #submit(track: Track, jobs: WindowJob[], ended = false): Promise<void> {
    const { multilingual } = this.#job.request;
    for (const job of jobs) {
      if (track.language !== undefined || multilingual) {
        await this.#start(track, track.language, job);
        continue;
      }
      await this.#detect(track, job, ended && track.windowCount === 1);
      track.undecided.push(job);
      if (track.vote.isSettled) await this.#decideLanguage(track);
    }
  }

  /**
   * Counts what a window is taken for. Where the track is likely to be taken for the same, the window is transcribed in
   * that language at once, which is not waited for.
   * @param only the track has no other window
   */
  async #detect(track: Track, job: WindowJob, only: boolean): Promise<void> {
    const { conditionOnPreviousText, detection: rules } = this.#job.request;
    // What follows on from another window has to wait for that one's text.
    const canGoOn = track.undecided.length === 0 || !conditionOnPreviousText;
    const likelyFrom = only || rules.segments === 1 ? 0 : rules.threshold;
    let tell!: () => void;
    const told = new Promise<void>((resolve) => {
      tell = resolve;
    });
    const { done } = await this.#limiter.start(() =>
      this.#transcribeEarly(track, job, canGoOn ? likelyFrom : Number.POSITIVE_INFINITY, tell),
    );
    if (canGoOn) track.latest = done;
    await Promise.race([told, done]);
    this.#job.scope.throwIfEnded();
  }

  /** @param tell called when the language of the window is known */
  async #transcribeEarly(track: Track, job: WindowJob, from: number, tell: () => void): Promise<void> {
    const result = await this.#hear(track, job, from, ({ language, probability }) => {
      if (probability >= from) job.early = { language, result: undefined };
      tell();
    });
    if (!job.early || !result) return;
    job.early.result = result;
    if (job.early.language === track.language) this.#complete(track, job, result);
  }

  /** Settles the track's language with what has been heard and starts the windows that need it. */
  async #decideLanguage(track: Track): Promise<void> {
    if (track.undecided.length === 0) return;
    const { language } = track.vote.result();
    track.language = language;
    const undecided = track.undecided.splice(0);
    const others = undecided.filter((job) => job.early?.language !== language);
    for (const job of undecided) {
      if (job.early?.language === language && job.early.result) this.#complete(track, job, job.early.result);
    }
    for (const job of others) await this.#start(track, language, job);
  }

  /** @param language undefined: the window's own is detected first */
  async #start(track: Track, language: string | undefined, job: WindowJob): Promise<void> {
    const { request, scope } = this.#job;
    if (request.conditionOnPreviousText) await track.latest;
    const { done } = await this.#limiter.start(() => this.#transcribe(track, language, job));
    track.latest = done;
    scope.throwIfEnded();
  }

  async #transcribe(track: Track, language: string | undefined, job: WindowJob): Promise<void> {
    const { engine, scope } = this.#job;
    scope.throwIfEnded();
    if (language === undefined) {
      const result = await this.#hear(track, job, 0, (detection) => {
        job.language = detection.language;
      });
      this.#complete(track, job, result!);
    } else {
      const options = { ...this.#optionsOf(track, job), language };
      this.#complete(track, job, await engine.transcribeWindow(job.samples!, options, scope.signal));
    }
  }

  /** Text of a window in the language that is heard in it, and counted, where that is as probable as `from`. */
  #hear(
    track: Track,
    job: WindowJob,
    from: number,
    onDetected: DetectionUse["onDetected"],
  ): Promise<WindowResult | undefined> {
    const { engine, scope } = this.#job;
    scope.throwIfEnded();
    const use: DetectionUse = {
      transcribeFrom: from,
      onDetected: (detection) => {
        track.vote.add(detection, job.speech);
        onDetected(detection);
      },
    };
    return detectAndTranscribe(engine, job.samples!, this.#optionsOf(track, job), use, scope.signal);
  }

  #complete(track: Track, job: WindowJob, result: WindowResult): void {
    const segments = track.complete(job, result);
    if (!this.#job.speakers) for (const segment of segments) this.#reportSegment(segment);
    this.#reportProgress(Math.min(...this.#tracks.map((each) => each.finished)));
  }

  #optionsOf(track: Track, { isFirst, spoken }: WindowJob): UnknownLanguageOptions {
    const { modelRequest, request } = this.#job;
    const { window } = modelRequest;
    return {
      ...window,
      request: this.#request,
      speech: spoken,
      initialPrompt: isFirst || request.carryInitialPrompt ? window.initialPrompt : "",
      prefix: isFirst ? window.prefix : "",
      previousText: request.conditionOnPreviousText ? track.previousText : "",
    };
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
        option: name,
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
