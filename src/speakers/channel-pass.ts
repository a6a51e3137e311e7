import type { WindowTurn } from "../types/engine.js";
import type { Segment } from "../types/result.js";
import type { Diarizer, DiarizerSession, TurnFinder, VoiceMeasure } from "../types/speakers.js";
import { type PassOptions, type SpeakerPass, type SpokenBy, told } from "./speaker-pass.js";
import { channelTurns, textTurns } from "./turns.js";

/** What a pass over channels works with. */
export interface ChannelMeans {
  trackCount: number;
  /** Undefined: turns are where there is text. */
  turns: TurnFinder | undefined;
  /** Gives each channel's voice; undefined: voices are not wanted. */
  diarizer: Diarizer | undefined;
  /** Whose recording it is, and how urgent. */
  turn: WindowTurn;
}

/** Each channel is a speaker, whose turns are where the channel has speech: text that is nobody's is left out of them. */
export class ChannelPass implements SpeakerPass {
  readonly #turns: TurnFinder | undefined;
  /** For the voices of the channels. */
  readonly #sessions: DiarizerSession[];
  readonly #measure: VoiceMeasure | undefined;
  readonly #options: PassOptions;
  /** The step that is being worked on: the next block is decoded meanwhile. */
  #step: Promise<unknown> = Promise.resolve();

  constructor({ trackCount, turns, diarizer, turn }: ChannelMeans, options: PassOptions) {
    this.#turns = turns;
    this.#sessions = Array.from({ length: diarizer ? trackCount : 0 }, () => diarizer!.createSession(turn));
    this.#measure = diarizer?.voices;
    this.#options = options;
  }

  async push(block: readonly Float32Array[], signal: AbortSignal): Promise<void> {
    await this.#step;
    this.#step = this.#hear(block, signal);
    // Reported by the next call.
    this.#step.catch(() => {});
  }

  async finish(segments: readonly Segment[], signal: AbortSignal): Promise<SpokenBy> {
    await this.#step;
    const heard = (await this.#turns?.finish()) ?? [];
    const hasVoice = new Set(heard.map(({ channel }) => channel));
    // Too soft for the VAD model, but written down all the same.
    const unheard = textTurns(segments).filter(({ channel }) => !hasVoice.has(channel));
    const turns = channelTurns([...heard, ...unheard]);
    const names = new Map(turns.map(({ channel, speaker }) => [channel, speaker]));
    const voices = new Map<string, Float32Array>();
    for (const [channel, session] of this.#sessions.entries()) {
      const { embeddings } = await session.finish({ exactly: 1 }, signal);
      const name = names.get(channel);
      if (name !== undefined && embeddings[0]) voices.set(name, embeddings[0]);
    }
    const label = ({ channel = 0 }: Segment) => ({ speaker: names.get(channel)!, speakerConfidence: 1 });
    const labelled = segments.map((segment) => ({
      ...segment,
      ...label(segment),
      ...(segment.words && { words: segment.words.map((word) => ({ ...word, ...label(segment) })) }),
    }));
    return told({ segments: labelled, turns, voices, measure: this.#measure }, this.#options);
  }

  close(): void {
    this.#turns?.close();
    for (const session of this.#sessions) session.close();
  }

  async #hear(block: readonly Float32Array[], signal: AbortSignal): Promise<void> {
    await this.#turns?.push(block);
    for (const [channel, session] of this.#sessions.entries()) await session.push(block[channel]!, signal);
  }
}
