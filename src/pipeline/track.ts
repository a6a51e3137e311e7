import { SAMPLE_RATE } from "../audio/types.js";
import type { WindowResult } from "../engine/types.js";
import type { Segment } from "../result.js";
import { joinTexts, placeSegments, type Span } from "./assemble.js";
import { LanguageVote } from "./language.js";
import { type Window, Windower, type WindowerOptions } from "./windows.js";

/** Text decoded above this temperature is no context for what follows; openai-whisper's `prompt_reset_since`. */
const TRUSTED_TEMPERATURE = 0.5;

/** A window on its way through the model. */
export interface WindowJob {
  readonly span: Span;
  readonly speech: number;
  /** Let go when the result is there, which may be long before it is this window's turn to be delivered. */
  samples: Float32Array | undefined;
  result: WindowResult | undefined;
}

/** One track of a recording: its windows on the way in, its segments on the way out, both in order of time. */
export class Track {
  readonly segments: Segment[] = [];
  readonly vote = new LanguageVote();
  /** Code of the language, once it is known. */
  language: string | undefined;
  /** Windows that wait for the language. */
  readonly undecided: WindowJob[] = [];
  /** The last window that was started. */
  latest: Promise<void> = Promise.resolve();
  /** Text of the window before, where it may be built on. */
  previousText = "";
  /** Seconds of speech in all windows so far. */
  speech = 0;
  windowCount = 0;

  readonly #windower: Windower;
  /** Windows not yet delivered. */
  readonly #jobs: WindowJob[] = [];

  /** @param channel noted in the segments; undefined where channels are not apart */
  constructor(
    options: WindowerOptions,
    readonly channel: number | undefined,
  ) {
    this.#windower = new Windower(options);
  }

  /** Seconds of the track that need no more work. */
  get finished(): number {
    return this.#jobs[0]?.span.start ?? this.#windower.settled;
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
    const delivered: Segment[] = [];
    for (let next = this.#jobs[0]; next?.result; next = this.#jobs[0]) {
      this.#jobs.shift();
      delivered.push(...this.#deliver(next.span, next.result));
    }
    return delivered;
  }

  close(): void {
    this.#windower.close();
  }

  #enqueue(windows: Window[]): WindowJob[] {
    const jobs = windows.map(({ start, samples, speech }) => {
      this.speech += speech;
      return {
        span: { start, end: start + samples.length / SAMPLE_RATE },
        speech,
        samples,
        result: undefined,
      };
    });
    this.windowCount += jobs.length;
    this.#jobs.push(...jobs);
    return jobs;
  }

  #deliver(span: Span, result: WindowResult): Segment[] {
    const notBefore = this.segments.at(-1)?.end ?? 0;
    const segments = placeSegments(result.segments, span, notBefore, this.segments.length, this.channel);
    this.segments.push(...segments);
    const trusted = segments.every((segment) => segment.temperature <= TRUSTED_TEMPERATURE);
    this.previousText = trusted ? joinTexts(segments) : "";
    return segments;
  }
}
