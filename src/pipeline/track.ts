import type { Clip, DetectionRules } from "../config/options.js";
import { SAMPLE_RATE } from "../types/audio.js";
import type { DraftCount, WindowResult } from "../types/engine.js";
import type { Segment } from "../types/result.js";
import { joinTexts, placeSegments, type Span } from "./assemble.js";
import { windowerFor } from "./clips.js";
import { compressionRatio } from "./compression-ratio.js";
import { LanguageVote } from "./language.js";
import { unheardSpeech } from "./unheard.js";
import type { Window, WindowerOptions } from "./windows.js";

/** Characters of text before a window: more than any decoder takes. */
const LONGEST_CONTEXT = 4096;

/** A window on its way through the model. */
export interface WindowJob {
  readonly span: Span;
  readonly speech: number;
  /** Where the VAD model hears speech, in seconds of the window; empty without one. */
  readonly spoken: readonly Span[];
  /** No window of the track comes before it. */
  readonly isFirst: boolean;
  /** Let go when the result is there, which may be long before it is this window's turn to be delivered. */
  samples: Float32Array | undefined;
  result: WindowResult | undefined;
  /** Its text, once it is there, in what it was taken for before the track's language was settled. */
  early?: { language: string; result: WindowResult | undefined };
  /** Code of its own language, where windows have one. */
  language?: string;
}

export interface TrackOptions extends WindowerOptions {
  /** Stretches to transcribe; undefined: everything. */
  clips: readonly Clip[] | undefined;
  detection: DetectionRules;
  /** Text decoded above this temperature is no context for what follows; openai-whisper's `prompt_reset_since`. */
  trustedTemperature: number;
  /** Text that repeats itself more, or is less probable, is no context either; null: any may be. */
  compressionRatioThreshold: number | null;
  logProbThreshold: number | null;
  /** What the first window follows on from, and windows after it as long as all text in between is trusted. */
  textBefore: string;
}

/** One track of a recording: its windows on the way in, its segments on the way out, both in order of time. */
export class Track {
  readonly segments: Segment[] = [];
  readonly vote: LanguageVote;
  /** Code of the language, once it is known. */
  language: string | undefined;
  /** Windows that wait for the language. */
  readonly undecided: WindowJob[] = [];
  /** The last window that was started. */
  latest: Promise<void> = Promise.resolve();
  /** Text of the windows before, since the last that may not be built on. */
  previousText = "";
  /** Seconds of speech in all windows so far. */
  speech = 0;
  windowCount = 0;
  /** Of all windows, where there is a draft model. */
  draft: DraftCount | undefined;

  /** Speech without text, on the track's clock. */
  readonly unheard: Span[] = [];
  /** Sound whose text was left out as invented, though it may be speech, on the track's clock. */
  readonly dropped: Span[] = [];

  readonly #trust: Pick<
    TrackOptions,
    "trustedTemperature" | "compressionRatioThreshold" | "logProbThreshold"
  >;
  /** Until the first window is delivered. */
  #textBefore: string;
  readonly #windower: ReturnType<typeof windowerFor>;
  /** Windows not yet delivered. */
  readonly #jobs: WindowJob[] = [];

  /** @param channel noted in the segments; undefined where channels are not apart */
  constructor(
    options: TrackOptions,
    readonly channel: number | undefined,
  ) {
    const { clips, detection, textBefore, ...rest } = options;
    this.vote = new LanguageVote(detection);
    this.#trust = options;
    this.#textBefore = textBefore;
    this.#windower = windowerFor(rest, clips);
  }

  /** Seconds of the track that need no more work. */
  get finished(): number {
    return this.#jobs[0]?.span.start ?? this.#windower.settled;
  }

  /** Seconds that were left out as silence though something faint is in them. */
  get skippedSound(): number {
    return this.#windower.skippedSound;
  }

  /** Takes the next block and returns the windows that it completed. */
  async push(samples: Float32Array): Promise<WindowJob[]> {
    return this.#enqueue(await this.#windower.push(samples));
  }

  /** Ends the track and returns its last windows. */
  async flush(): Promise<WindowJob[]> {
    return this.#enqueue(await this.#windower.flush());
  }

  /** Notes the result of `job` and returns the segments whose turn has come. */
  complete(job: WindowJob, result: WindowResult): Segment[] {
    job.result = result;
    job.samples = undefined;
    delete job.early;
    const delivered: Segment[] = [];
    for (let next = this.#jobs[0]; next?.result; next = this.#jobs[0]) {
      this.#jobs.shift();
      delivered.push(...this.#deliver(next, next.result));
    }
    return delivered;
  }

  close(): void {
    this.#windower.close();
  }

  #enqueue(windows: Window[]): WindowJob[] {
    const jobs = windows.map(({ start, samples, speech, spoken }, i) => {
      this.speech += speech;
      return {
        span: { start, end: start + samples.length / SAMPLE_RATE },
        speech,
        spoken,
        isFirst: this.windowCount + i === 0,
        samples,
        result: undefined,
      };
    });
    this.windowCount += jobs.length;
    this.#jobs.push(...jobs);
    return jobs;
  }

  #deliver({ span, spoken, language }: WindowJob, result: WindowResult): Segment[] {
    const { segments: decoded, draft } = result;
    const notBefore = this.segments.at(-1)?.end ?? 0;
    const about = {
      ...(this.channel !== undefined && { channel: this.channel }),
      ...(language !== undefined && { language }),
    };
    const segments = placeSegments(decoded, span, notBefore, this.segments.length, about);
    this.segments.push(...segments);
    const trusted = this.#isTrusted(segments, result.reliable);
    const before = [this.#textBefore, this.previousText, joinTexts(segments)].filter(Boolean).join(" ");
    this.previousText = trusted ? before.slice(-LONGEST_CONTEXT) : "";
    this.#textBefore = "";
    const onClock = ({ start, end }: Span) => ({ start: start + span.start, end: end + span.start });
    this.unheard.push(...unheardSpeech(spoken.map(onClock), segments));
    this.dropped.push(...(result.dropped ?? []).map(onClock));
    if (draft) {
      const { proposed, accepted } = this.draft ?? { proposed: 0, accepted: 0 };
      this.draft = { proposed: proposed + draft.proposed, accepted: accepted + draft.accepted };
    }
    return segments;
  }

  /** Whether what follows may be built on it. A loop that is built on never ends. */
  #isTrusted(segments: readonly Segment[], reliable: boolean | undefined): boolean {
    const { trustedTemperature, compressionRatioThreshold, logProbThreshold } = this.#trust;
    if (segments.some(({ temperature }) => temperature > trustedTemperature)) return false;
    if (reliable !== undefined) return reliable;
    if (logProbThreshold !== null && segments.some(({ avgLogProb }) => avgLogProb < logProbThreshold))
      return false;
    return (
      compressionRatioThreshold === null ||
      segments.length === 0 ||
      compressionRatio(joinTexts(segments)) <= compressionRatioThreshold
    );
  }
}
