import { setImmediate as nextTurn } from "node:timers/promises";
import { SAMPLE_RATE } from "../types/audio.js";
import type { Container } from "./containers.js";
import type { DecodeTask } from "./decode-task.js";
import { audioTooLong } from "./errors.js";
import type { TimedBlock } from "./matroska-reader.js";

/** Seconds by which times may differ from the samples before: containers round times, and live recorders jitter. */
const TOLERANCE = 0.1;
/** Seconds too much that are cut out only where it is quiet, and from which on they are cut wherever they are. */
const MOST_LAG = 0.3;
/** Largest sample where it is quiet: -40 dBFS. */
const QUIET = 0.01;
/** Seconds back from which on another recording begins, whose clock is its own. */
const RESTART = 1;
/** Where times advance by less than this part of the samples' length, they are none: FFmpeg holds back falling ones. */
const SLOWEST_PACE = 0.5;
/** Seconds of holes that are worth a warning. */
const NOTED = 0.5;

/**
 * Puts decoded blocks on the recording's clock: where times go on later than samples do, silence stands in between.
 * Silence is given a second at a time, so that a hole of hours costs no memory.
 */
export class RecordingClock {
  readonly #container: Container;
  readonly #channels: number;
  readonly #task: DecodeTask;
  /** Seconds of the recording that came before this part of it. */
  readonly #origin: number;
  #frames = 0;
  /** What is added to times. */
  #offset = 0;
  readonly #holes = { count: 0, seconds: 0, longest: 0, at: 0 };
  readonly #restarts = { count: 0, by: 0, at: 0 };
  #cut = 0;
  /** The block before. */
  #last = { time: 0, seconds: 0 };
  /** Its time was none. */
  #held = false;

  constructor(container: Container, channels: number, task: DecodeTask, origin: number) {
    this.#container = container;
    this.#channels = channels;
    this.#task = task;
    this.#origin = origin;
  }

  /** Seconds so far. */
  get seconds(): number {
    return this.#frames / SAMPLE_RATE;
  }

  async *frames(blocks: AsyncIterable<TimedBlock>): AsyncGenerator<Float32Array> {
    let first = true;
    const { lead: delay = 0 } = this.#container;
    for await (const block of blocks) {
      this.#task.check();
      const early = Math.max(0, Math.round((delay - block.time) * SAMPLE_RATE));
      const samples = delay === 0 ? block.samples : block.samples.subarray(early * this.#channels);
      if (samples.length === 0) continue;
      const lead = this.#lead(delay === 0 ? block.time : Math.max(0, block.time - delay), first);
      first = false;
      this.#last = { time: block.time, seconds: block.samples.length / this.#channels / SAMPLE_RATE };
      if (lead > 0) yield* this.#silence(lead);
      const late = lead < 0 ? this.#cutOut(samples, -lead) : samples;
      this.#frames += late.length / this.#channels;
      if (late.length > 0) yield late;
    }
  }

  /** Seconds of silence that belong before a block, or, negative, of samples that are too many. */
  #lead(time: number, first: boolean): number {
    const { times } = this.#container;
    if (times === undefined) return 0;
    if (first) {
      if (times === "file" && time > 0) return time;
      this.#offset = -time;
      return 0;
    }
    const lead = time + this.#offset - this.seconds;
    const held = time - this.#last.time < SLOWEST_PACE * this.#last.seconds - 0.002;
    if (Math.abs(lead) <= TOLERANCE) return 0;
    if (lead < -RESTART || (lead < 0 && held)) {
      if (!this.#held && this.#restarts.count++ === 0)
        Object.assign(this.#restarts, { by: lead, at: this.seconds });
      this.#held = held;
      this.#offset -= lead;
      return 0;
    }
    this.#held = false;
    if (lead > 0) this.#noteHole(lead);
    return lead;
  }

  #noteHole(seconds: number): void {
    const holes = this.#holes;
    holes.count++;
    holes.seconds += seconds;
    if (seconds > holes.longest) Object.assign(holes, { longest: seconds, at: this.seconds });
  }

  async *#silence(seconds: number): AsyncGenerator<Float32Array> {
    const { maxDuration } = this.#task.limits;
    const end = this.#origin + this.seconds + seconds;
    if (end > maxDuration) throw audioTooLong(this.#task.name, maxDuration, end);
    const second = new Float32Array(SAMPLE_RATE * this.#channels);
    for (let left = Math.round(seconds * SAMPLE_RATE); left > 0; left -= SAMPLE_RATE) {
      // Nothing here waits for anything, so without a turn of the event loop nothing else would run meanwhile.
      if (left > SAMPLE_RATE) await nextTurn();
      this.#task.check();
      const frames = Math.min(left, SAMPLE_RATE);
      this.#frames += frames;
      yield second.subarray(0, frames * this.#channels);
    }
  }

  /** Recorders whose sound runs faster than their clock give more samples than time. */
  #cutOut(samples: Float32Array, lag: number): Float32Array {
    if (lag < MOST_LAG && samples.some((sample) => Math.abs(sample) > QUIET)) return samples;
    const cut = Math.min(Math.round(lag * SAMPLE_RATE), samples.length / this.#channels);
    this.#cut += cut / SAMPLE_RATE;
    return samples.subarray(cut * this.#channels);
  }

  /** What was odd about the times, in seconds of the recording. */
  warnings(): string[] {
    const { count, seconds, longest, at } = this.#holes;
    const restarts = this.#restarts;
    const place = (time: number) => `${(this.#origin + time).toFixed(1)} s`;
    const warnings: string[] = [];
    // Where frames were given their times here, holes have been told of.
    if (seconds >= NOTED && this.#container.lead === undefined) {
      const what = count === 1 ? "is a hole" : `are ${count} holes, the longest`;
      const all = count === 1 ? "" : `; ${seconds.toFixed(1)} s in all`;
      warnings.push(
        `There ${what} of ${longest.toFixed(1)} s in the recording from ${place(at)} on, which became silence${all}`,
      );
    }
    if (restarts.count > 0) {
      const way = restarts.by < 0 ? "back" : "forward";
      const more = restarts.count > 1 ? `, and ${restarts.count - 1} times more` : "";
      warnings.push(
        `The recording's clock jumps ${way} by ${Math.abs(restarts.by).toFixed(1)} s at ${place(restarts.at)}${more}: what follows was placed behind what came before`,
      );
    }
    if (this.#cut >= NOTED) {
      warnings.push(
        `The recording has ${this.#cut.toFixed(1)} s more sound than its clock has time, which were cut out`,
      );
    }
    return warnings;
  }
}
