import type { ResolvedLive } from "../config/live-options.js";
import { LevelledVad } from "../pipeline/levelled-vad.js";
import { placeToCut } from "../pipeline/pauses.js";
import { SampleBuffer } from "../pipeline/sample-buffer.js";
import { FRAME_SAMPLES, type Region } from "../pipeline/speech-regions.js";
import { countWords } from "../pipeline/stats.js";
import { SAMPLE_RATE } from "../types/audio.js";
import type { VadModel, VadSession } from "../types/engine.js";
import type { Segment } from "../types/result.js";
import type { ChannelSpeakers } from "./channel-speakers.js";
import type { NewEvent } from "./events.js";
import { finalOf, finalSegment } from "./final-segment.js";
import { type Ending, type Heard, isSure, type Policy, type Sound } from "./policy.js";
import type { SpokenLanguage } from "./spoken-language.js";
import { VoiceGate } from "./voice-gate.js";
import { type LiveWord, textOf } from "./words.js";

/** Seconds before speech that are listened to with it: soft beginnings. */
const PRE_ROLL = 0.5;
/**
 * The first pass over an utterance comes earlier, after this share of a step: somebody waits for the first word. It may not be
 * over by then, so that half a step later there is another pass where nothing speaks against it. Those after these two
 * come a step after the first, and so on.
 */
const FIRST_STEP = 0.6;
const SECOND_STEP = 0.5;
/** Seconds after speech in which passes may still settle what was said. */
const AFTERMATH = 0.5;
/** How full a policy may get before an utterance is parted in the next good pause. */
const SOON = 0.7;
/** Most seconds between passes where the stream is behind. */
const LONGEST_STEP = 5;
/** Seconds of a pause in which an utterance that is long is parted; one that is too long is in any. */
const GOOD_PAUSE = 0.1;

/** How long utterances may get, in seconds, before they are parted: at the next good pause, and wherever it can be. */
export interface UtteranceLimits {
  soft: number;
  forced: number;
}

/** What a channel works with. */
export interface ChannelMeans {
  /** From 0. */
  index: number;
  rules: ResolvedLive;
  limits: UtteranceLimits;
  vad: VadModel;
  policy: Policy;
  language: SpokenLanguage;
  signal: AbortSignal;
  /** Tells who speaks; undefined: that is not wanted. */
  speakers: ChannelSpeakers | undefined;
  emit: (event: NewEvent) => void;
  /** The number of the next final of the stream. */
  nextFinal: () => number;
  /** Whether a channel that has so many seconds of audio waiting should do less. */
  isBehind: (waiting: number) => boolean;
  /** Called as the channel gets on. */
  onProgress: () => void;
}

interface Utterance {
  id: number;
  /** First sample that has not been in a final. */
  start: number;
  /** Sample up to which the last pass listened. */
  heard: number;
  /** Sample from which on there may be another. */
  nextPass: number;
  /** Passes so far. */
  passes: number;
  /** What the last event about it said. */
  shown: string;
  /** Words that the last pass settled. */
  settled: readonly LiveWord[];
  /** Whether its language was detected, where it has one to be kept. */
  isChecked: boolean;
}

/**
 * One channel of a live stream: 16 kHz samples in, events out. Counts samples, never time: what it says does not depend on
 * how the samples come, as long as the stream keeps up.
 *
 * Idle, it looks for speech alone. An utterance is heard pass by pass while it is spoken, and once more when silence has
 * ended it. One that gets long is parted in a pause, so that no pass hears more than the model can.
 */
export class Channel {
  readonly #means: ChannelMeans;
  readonly #ring = new SampleBuffer();
  readonly #session: VadSession;
  readonly #gate: VoiceGate;
  readonly #step: number;
  /** Everything that was given, in turn. */
  #work: Promise<void> = Promise.resolve();
  /** Samples that were given, those of which the voice is known, and those that are done with. */
  #offered = 0;
  #position = 0;
  #taken = 0;
  /** Samples that what tells the speakers has. */
  #heardForSpeakers = 0;
  #utterance: Utterance | undefined;
  #utterances = 0;
  /** No utterance begins before this sample. */
  #notBefore = 0;
  /** Seconds, end of the last final. */
  #lastEnd = 0;
  /** Seconds of speech in utterances that are over. */
  #spoken = 0;
  finals = 0;
  words = 0;
  /** Seconds in passes. */
  processingTime = 0;

  constructor(means: ChannelMeans) {
    this.#means = means;
    const { rules } = means;
    const { threshold, negThreshold, minSpeechDuration } = rules.request.vadOptions;
    this.#gate = new VoiceGate({
      threshold,
      negThreshold,
      minSpeech: minSpeechDuration,
      endpoint: rules.endpoint,
    });
    this.#step = Math.round(rules.step * SAMPLE_RATE);
    this.#session = new LevelledVad(means.vad, 1);
  }

  /** Samples that wait or are being listened to. */
  get waiting(): number {
    return this.#offered - this.processed;
  }

  /** Samples that are done with: nobody speaks in them, or passes have heard them as far as they ever will. */
  get processed(): number {
    return Math.min(this.#offered, Math.max(this.#position, this.#taken));
  }

  /** Samples whose text is final. */
  get committed(): number {
    return this.#utterance?.start ?? this.processed;
  }

  /** Seconds of speech so far. */
  get speech(): number {
    const { start, reach } = this.#gate;
    const now = this.#utterance && start !== undefined ? (reach - start) / SAMPLE_RATE : 0;
    return this.#spoken + now;
  }

  get policy(): Policy {
    return this.#means.policy;
  }

  /** Has samples listened to after those that were given before. Resolves when they are; rejects when the channel fails. */
  give(samples: Float32Array): Promise<void> {
    this.#offered += samples.length;
    return this.#then(() => this.#take(samples));
  }

  /** Ends the utterance under way, if there is one. Resolves when its text is final. */
  flush(): Promise<void> {
    return this.#then(() => this.#endNow());
  }

  /** Nothing more will be given. Resolves when all is final. */
  finish(): Promise<void> {
    return this.#then(async () => {
      for (const probability of await this.#session.flush()) await this.#frame(probability);
      await this.#endNow();
    });
  }

  /** Resolves when nothing that was given is being worked on any more. */
  async close(): Promise<void> {
    await this.#work.catch(() => {});
    this.#session.close();
    await this.#means.speakers?.close();
  }

  #then(work: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(work);
    return this.#work;
  }

  async #take(samples: Float32Array): Promise<void> {
    this.#ring.append(samples);
    const probabilities = await this.#session.push(samples);
    for (const probability of probabilities) await this.#frame(probability);
    this.#taken += samples.length;
    await this.#hearForSpeakers();
    this.#ring.discardBefore(
      this.#utterance?.start ?? (this.#gate.start ?? this.#position) - PRE_ROLL * SAMPLE_RATE,
    );
    this.#means.onProgress();
  }

  async #frame(probability: number): Promise<void> {
    this.#means.signal.throwIfAborted();
    this.#position += FRAME_SAMPLES;
    const news = this.#gate.push(probability);
    if (news === "start") this.#begin();
    const utterance = this.#utterance;
    if (!utterance) return;
    if (news === "end") await this.#end(Math.min(this.#position, this.#ring.end), this.#gate.reach);
    else if (this.#position - utterance.start >= this.#means.limits.soft * SAMPLE_RATE)
      await this.#part(utterance);
    else if (this.policy.fullness >= SOON) await this.#part(utterance);
    if (this.#utterance && this.#isPassDue(this.#utterance)) await this.#pass(this.#utterance);
  }

  #begin(): void {
    const speech = this.#gate.start!;
    const start = Math.max(this.#notBefore, this.#ring.start, speech - PRE_ROLL * SAMPLE_RATE);
    this.#utterance = {
      id: this.#utterances++,
      start,
      heard: start,
      nextPass: speech + FIRST_STEP * this.#step,
      passes: 0,
      shown: "",
      settled: [],
      isChecked: false,
    };
    this.#emit({ type: "speech-start", utterance: this.#utterance.id, time: speech / SAMPLE_RATE });
  }

  #isPassDue({ nextPass, heard }: Utterance): boolean {
    if (!this.#means.rules.interim || this.#position < nextPass) return false;
    // In the silence after speech nothing new is to be heard.
    if (heard >= this.#gate.reach + AFTERMATH * SAMPLE_RATE) return false;
    const waiting = this.#offered - this.#position;
    const isLate = this.#position - heard >= LONGEST_STEP * SAMPLE_RATE;
    return isLate || waiting < this.#step || !this.#means.isBehind(waiting / SAMPLE_RATE);
  }

  async #pass(utterance: Utterance): Promise<void> {
    const end = Math.min(this.#position, this.#ring.end);
    const sound = this.#sound(utterance, end);
    const heard = await this.#timed(this.policy.listen(sound));
    utterance.heard = end;
    const share = [SECOND_STEP, 1 - SECOND_STEP][this.policy.settlesLate ? utterance.passes++ : 2] ?? 1;
    utterance.nextPass = this.#position + share * this.#step;
    utterance.settled = heard.settled;
    const { kept } = this.#means.language;
    if (heard.detected) this.#noteLanguage(heard.detected, false);
    // What was heard in a language that is not spoken is of no use.
    if (kept !== undefined && this.#means.language.kept !== kept) this.policy.forget();
    else if (kept === undefined || isSure(sound, heard.detected)) this.#show(utterance, heard, end);
    this.#means.onProgress();
  }

  #show(utterance: Utterance, { settled, unsettled }: Heard, end: number): void {
    const words = [...settled, ...unsettled];
    const text = textOf(words);
    const stableLength = Math.min(textOf(settled).length, text.length);
    const shown = `${stableLength} ${text}`;
    if (shown === utterance.shown || (text === "" && utterance.shown === "")) return;
    utterance.shown = shown;
    const from = utterance.start / SAMPLE_RATE;
    const to = end / SAMPLE_RATE;
    const within = (time: number): number => Math.min(Math.max(time, from), to);
    this.#emit({
      type: "partial",
      utterance: utterance.id,
      text,
      stableLength,
      start: round(within(words[0]?.start ?? from)),
      end: round(within(words.at(-1)?.end ?? to)),
    });
  }

  /** Parts an utterance that is long in a pause, and one that is too long wherever it can be. */
  async #part(utterance: Utterance): Promise<void> {
    const { limits } = this.#means;
    const length = this.#position - utterance.start;
    const isTooLong = length >= limits.forced * SAMPLE_RATE || this.policy.fullness >= 1;
    const earliest = utterance.start + Math.min(length, limits.soft * SAMPLE_RATE) / 2;
    const pause = longest(
      this.#gate.pauses.filter(
        ({ start, end }) => start >= earliest && (isTooLong || end - start >= GOOD_PAUSE * SAMPLE_RATE),
      ),
    );
    if (pause) return this.#final(utterance, Math.round((pause.start + pause.end) / 2), false);
    if (!isTooLong) return;
    const gap = longest(
      utterance.settled.slice(1).map((next, i) => ({
        start: Math.round(utterance.settled[i]!.end * SAMPLE_RATE),
        end: Math.round(next.start * SAMPLE_RATE),
      })),
      earliest,
    );
    if (gap) {
      const cut = Math.round((gap.start + gap.end) / 2);
      await this.#emitFinal(utterance, this.policy.part(cut / SAMPLE_RATE), cut, false);
    } else {
      const end = Math.min(this.#position, this.#ring.end);
      const cut = utterance.start + placeToCut(this.#ring.view(utterance.start, end));
      await this.#final(utterance, cut, false);
    }
  }

  /** Ends the utterance under way, if there is one, with all that was given. */
  async #endNow(): Promise<void> {
    if (!this.#utterance) return;
    const { end } = this.#ring;
    const { reach } = this.#gate;
    // In a silence, speech has ended before it.
    await this.#end(end, reach < this.#position ? reach : end);
  }

  /** Ends the utterance under way with what was heard up to `cut`. @param reach where speech ended */
  async #end(cut: number, reach: number): Promise<void> {
    const utterance = this.#utterance!;
    await this.#final(utterance, cut, true);
    const end = Math.min(reach, cut);
    this.#spoken += (end - this.#gate.start!) / SAMPLE_RATE;
    this.#utterance = undefined;
    this.#gate.reset();
    // The middle of the silence: what is on either side of it may be of one utterance only.
    this.#notBefore = Math.round((end + cut) / 2);
    this.#emit({ type: "speech-end", utterance: utterance.id, time: end / SAMPLE_RATE });
    this.#means.onProgress();
  }

  /** Hears the utterance up to `cut` for the last time. */
  async #final(utterance: Utterance, cut: number, endOfUtterance: boolean): Promise<void> {
    const sound = this.#sound(utterance, cut);
    let ending = await this.#timed(this.policy.finish(sound));
    if (ending.detected) this.#noteLanguage(ending.detected, true);
    const { kept } = this.#means.language;
    if (kept !== undefined && ending.detected && ending.detected.language !== kept)
      ending = await this.#timed(this.policy.finish({ ...sound, language: kept }));
    await this.#emitFinal(utterance, ending, cut, endOfUtterance);
  }

  /** Hands on what is new up to the last frame whose voice is known, wherever what was given ends. */
  async #hearForSpeakers(): Promise<void> {
    const { speakers } = this.#means;
    const end = Math.min(this.#position, this.#ring.end);
    const start = this.#heardForSpeakers;
    if (!speakers || end <= start) return;
    this.#heardForSpeakers = end;
    await speakers.hear(this.#ring.view(start, end), this.#ring.start / SAMPLE_RATE);
  }

  /** A text with who says it: several, where speakers take turns in it. @param from the sample with which it begins */
  async #spokenBy(segment: Segment, from: number): Promise<Segment[]> {
    const { speakers } = this.#means;
    if (!speakers) return [segment];
    await this.#hearForSpeakers();
    return speakers.label(segment, from / SAMPLE_RATE);
  }

  /** Tells what was heard of the utterance up to `cut`, from where it goes on. */
  async #emitFinal(
    utterance: Utterance,
    ending: Ending,
    cut: number,
    endOfUtterance: boolean,
  ): Promise<void> {
    const from = utterance.start;
    const segment = finalSegment(ending, from / SAMPLE_RATE, cut / SAMPLE_RATE, this.#lastEnd);
    if (segment) {
      this.#lastEnd = segment.end;
      const parts = await this.#spokenBy(segment, from);
      this.finals += parts.length;
      this.words += countWords(segment.text);
      const about = {
        utterance: utterance.id,
        language: ending.detected?.language || this.#means.language.current,
      };
      for (const [index, part] of parts.entries())
        this.#emit({
          type: "final",
          id: this.#means.nextFinal(),
          ...about,
          ...finalOf(part, this.#means.rules.words),
          endOfUtterance: endOfUtterance && index === parts.length - 1,
        });
    } else if (utterance.shown !== "") {
      this.#show(utterance, { settled: [], unsettled: [] }, cut);
    }
    utterance.start = cut;
    utterance.heard = Math.max(utterance.heard, cut);
    utterance.nextPass = this.#position + this.#step;
    utterance.shown = "";
    utterance.settled = utterance.settled.filter((word) => word.start * SAMPLE_RATE >= cut);
    this.#gate.forgetPauses(cut);
  }

  /** Whether a pass is to detect whether the utterance is in another language than those before. */
  #isChecking(utterance: Utterance): boolean {
    const { start, reach } = this.#gate;
    const speech = (reach - Math.max(start ?? 0, utterance.start)) / SAMPLE_RATE;
    if (utterance.isChecked || !this.#means.language.mayChange(speech)) return false;
    utterance.isChecked = true;
    return true;
  }

  #sound(utterance: Utterance, end: number): Sound {
    const { start } = utterance;
    const { kept } = this.#means.language;
    const inSound = (position: number): number => (Math.min(position, end) - start) / SAMPLE_RATE;
    return {
      samples: this.#ring.view(start, end),
      start: start / SAMPLE_RATE,
      spoken: this.#gate
        .spoken(start)
        .filter((span) => span.start < end)
        .map((span) => ({ start: inSound(span.start), end: inSound(span.end) })),
      language: this.#isChecking(utterance) ? undefined : kept,
      kept,
    };
  }

  #noteLanguage(detected: { language: string; probability: number }, isEnd: boolean): void {
    const news = this.#means.language.note(detected, this.speech, isEnd);
    if (news) this.#emit({ type: "language", ...news });
  }

  async #timed<T>(pass: Promise<T>): Promise<T> {
    const startedAt = performance.now();
    try {
      return await pass;
    } finally {
      this.processingTime += (performance.now() - startedAt) / 1000;
    }
  }

  #emit(event: OfChannel): void {
    this.#means.emit({ ...event, channel: this.#means.index } as NewEvent);
  }
}

type WithoutChannel<T> = T extends { channel: number } ? Omit<T, "channel"> : never;
type OfChannel = WithoutChannel<NewEvent>;

/** The longest of stretches that start from `earliest` on, of equal ones the last. */
function longest(stretches: readonly Region[], earliest = 0): Region | undefined {
  return stretches
    .filter(({ start, end }) => start >= earliest && end >= start)
    .reduce<Region | undefined>(
      (best, each) => (!best || each.end - each.start >= best.end - best.start ? each : best),
      undefined,
    );
}

function round(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
