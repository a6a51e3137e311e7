import { setImmediate as nextTurn } from "node:timers/promises";
import type { ChannelSelection } from "../types/audio.js";

/** Seconds whose level is measured together. */
const WINDOW = 0.01;
/** Windows in a row whose mean is a channel's level, the loudest of all: a second. */
const WINDOWS = 100;
/** Windows, five minutes, in which one channel is looked for in the other. */
const COMPARED = 30_000;
/** Windows by which one may be late: below, its mix still is one voice; above, nobody would have made it. */
const LAGS = { shortest: 8, longest: 200 };
/** Lags that are tried before others have a turn: less than a millisecond of work. */
const LAGS_AT_ONCE = 2;
/** Correlation of levels from which on one is the other, and how much less it is without the delay. */
const SAME = 0.9;
const DIFFERENCE = 0.2;
/** Power of what passes for silence: -80 dBFS. */
const SILENT = 1e-8;
/** dB by which a channel may be softer than the loudest before what it alone holds is in danger. */
const MUCH_SOFTER = 30;
/** Part of full scale by which all samples may lie to one side. */
const MUCH_OFFSET = 0.1;
/** Flat tops: so many samples in a row, so near full scale, that hardly differ. */
const CLIPPED = { samples: 3, from: 0.95, step: 0.001 };
/** Part of a channel's samples that are in flat tops, from which on a result says so. */
const MUCH_CLIPPED = 0.005;

interface Channel {
  /** Of the window under way. */
  sum: number;
  squares: number;
  /** Powers of the last {@link WINDOWS} windows, in turn, and their sum. */
  recent: Float64Array;
  recentSum: number;
  /** Amplitudes of the first windows. */
  levels: number[];
  /** Power of the loudest second. */
  level: number;
  /** Sum of all samples. */
  total: number;
  last: number;
  run: number;
  clipped: number;
}

/** What is odd about the channels of a recording, whichever of them are heard; nothing is changed. */
export class ChannelSurvey {
  readonly #channels: Channel[];
  readonly #windowFrames: number;
  #filled = 0;
  #frames = 0;
  #windows = 0;

  /** @param rate Hz */
  constructor(channels: number, rate: number) {
    this.#windowFrames = Math.max(1, Math.round(WINDOW * rate));
    const nothing = { sum: 0, squares: 0, recentSum: 0, level: 0, total: 0, last: 0, run: 0, clipped: 0 };
    this.#channels = Array.from({ length: channels }, () => ({
      ...nothing,
      recent: new Float64Array(WINDOWS),
      levels: [],
    }));
  }

  add(interleaved: Float32Array): void {
    const step = this.#channels.length;
    const frames = interleaved.length / step;
    for (let start = 0; start < frames; ) {
      const end = Math.min(frames, start + this.#windowFrames - this.#filled);
      for (const [c, channel] of this.#channels.entries())
        measure(channel, interleaved, start * step + c, end * step, step);
      this.#filled += end - start;
      start = end;
      if (this.#filled === this.#windowFrames) this.#endWindow();
    }
    this.#frames += frames;
  }

  /** @param selection the channels that are heard */
  async warnings(selection: ChannelSelection): Promise<string[]> {
    if (this.#frames === 0) return [];
    if (this.#filled > 0) this.#endWindow();
    const delay = selection === "mix" ? await this.#delay() : [];
    return [...this.#levels(selection), ...delay, ...this.#faults(selection)];
  }

  #endWindow(): void {
    for (const channel of this.#channels) {
      const mean = channel.sum / this.#filled;
      const power = Math.max(0, channel.squares / this.#filled - mean * mean);
      const place = this.#windows % WINDOWS;
      channel.recentSum = Math.max(0, channel.recentSum + power - channel.recent[place]!);
      channel.recent[place] = power;
      channel.level = Math.max(channel.level, channel.recentSum / WINDOWS);
      if (this.#channels.length === 2 && channel.levels.length < COMPARED)
        channel.levels.push(Math.sqrt(power));
      channel.total += channel.sum;
      channel.sum = 0;
      channel.squares = 0;
    }
    this.#windows++;
    this.#filled = 0;
  }

  /** Where one of two channels is the other, some time later. */
  async #delay(): Promise<string[]> {
    const [first, second] = this.#channels.map(({ levels }) => levels);
    if (!first || !second) return [];
    // By more than this there is not enough left to compare.
    const longest = Math.min(LAGS.longest, first.length - WINDOWS);
    if (longest < LAGS.shortest) return [];
    const together = correlation(first, second, 0);
    let best = { lag: 0, value: 0 };
    for (let lag = LAGS.shortest; lag <= longest; lag++) {
      if (lag % LAGS_AT_ONCE === 0) await nextTurn();
      for (const signed of [lag, -lag]) {
        const value = correlation(first, second, signed);
        if (value > best.value) best = { lag: signed, value };
      }
    }
    // What repeats itself is like itself at other times too.
    const alone = correlation(first, first, Math.abs(best.lag));
    if (best.value < SAME || best.value < Math.max(together, alone) + DIFFERENCE) return [];
    const [early, late] = best.lag > 0 ? [0, 1] : [1, 0];
    const seconds = (Math.abs(best.lag) * WINDOW).toFixed(2);
    return [
      `Channel ${late} holds what channel ${early} does ${seconds} s later: their mix says everything twice; ` +
        `the option "channels" chooses one`,
    ];
  }

  #levels(selection: ChannelSelection): string[] {
    const levels = this.#channels.map(({ level }) => level);
    const top = Math.max(...levels);
    const loudest = levels.indexOf(top);
    if (levels.length === 1 || top < SILENT) return [];
    const softer = (c: number) => Math.round(10 * Math.log10(top / levels[c]!));
    if (typeof selection === "number") {
      const chosen = `Channel ${selection}, which was chosen,`;
      if (levels[selection]! < SILENT) return [`${chosen} is silent, while channel ${loudest} has sound`];
      if (softer(selection) < MUCH_SOFTER) return [];
      return [`${chosen} is ${softer(selection)} dB softer than channel ${loudest}`];
    }
    // Of more channels some are silent in most recordings, such as that for low frequencies.
    if (levels.length > 2 && selection === "mix") return [];
    return levels.flatMap((level, c) => {
      if (level < SILENT) return [`Channel ${c} is silent: all sound is in channel ${loudest}`];
      if (selection === "each" || softer(c) < MUCH_SOFTER) return [];
      return [
        `Channel ${c} is ${softer(c)} dB softer than channel ${loudest}: what is said in it alone may be lost in the mix; ` +
          'the option "channels" hears it apart',
      ];
    });
  }

  #faults(selection: ChannelSelection): string[] {
    // Of less, such as a click, nothing can be said.
    if (this.#windows < WINDOWS) return [];
    const several = this.#channels.length > 1;
    return this.#channels.flatMap(({ total, clipped }, c) => {
      if (typeof selection === "number" && selection !== c) return [];
      const which = several ? `Channel ${c}` : "The recording";
      const offset = total / this.#frames;
      const percent = (part: number) => `${(100 * part).toFixed(Math.abs(part) < 0.1 ? 1 : 0)} %`;
      return [
        ...(Math.abs(offset) >= MUCH_OFFSET
          ? [`${which} has a constant offset of ${percent(offset)} of full scale`]
          : []),
        ...(clipped >= MUCH_CLIPPED * this.#frames
          ? [
              `${which} is overdriven: ${percent(clipped / this.#frames)} of its samples are cut off at full scale`,
            ]
          : []),
      ];
    });
  }
}

/** Pearson's, of `a` with `b` as much later. */
function correlation(a: readonly number[], b: readonly number[], lag: number): number {
  const [startA, startB] = lag > 0 ? [0, lag] : [-lag, 0];
  const length = a.length - Math.abs(lag);
  if (length < WINDOWS) return 0;
  let [sumA, sumB, ab, aa, bb] = [0, 0, 0, 0, 0];
  for (let i = 0; i < length; i++) {
    const x = a[startA + i]!;
    const y = b[startB + i]!;
    sumA += x;
    sumB += y;
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  const spread = (aa - (sumA * sumA) / length) * (bb - (sumB * sumB) / length);
  return spread <= 0 ? 0 : (ab - (sumA * sumB) / length) / Math.sqrt(spread);
}

/** Every `step`th sample from `start` up to `end`. */
function measure(channel: Channel, samples: Float32Array, start: number, end: number, step: number): void {
  let { sum, squares, last, run, clipped } = channel;
  for (let i = start; i < end; i += step) {
    const sample = samples[i]!;
    // Beyond full scale is little that can be trusted, and a click would outweigh minutes.
    const trusted = sample > 1 ? 1 : sample < -1 ? -1 : sample;
    sum += trusted;
    squares += trusted * trusted;
    if (sample >= CLIPPED.from || sample <= -CLIPPED.from) {
      run = Math.abs(sample - last) <= CLIPPED.step ? run + 1 : 1;
      if (run === CLIPPED.samples) clipped += run;
      else if (run > CLIPPED.samples) clipped++;
    } else run = 0;
    last = sample;
  }
  Object.assign(channel, { sum, squares, last, run, clipped });
}
