import { speakerId } from "../speakers/names.js";
import { namedTurns } from "../speakers/turns.js";
import { labelSegments } from "../speakers/words.js";
import { SAMPLE_RATE } from "../types/audio.js";
import type { Segment } from "../types/result.js";
import type { LiveDiarizerSession } from "../types/speakers.js";

/** Seconds of sound that a diarizer is given at once, where nobody waits for what it says. */
const BATCH = 5;

/** A final with who says it. */
export type SpokenSegment = Segment & { speaker: string | null; speakerConfidence: number };

/** What tells who speaks on a channel of a stream. */
export interface ChannelSpeakers {
  /**
   * Takes the channel's next samples, which may change afterwards. Resolves when there is room for more.
   * @param start seconds: no text begins before it any more
   */
  hear(samples: Float32Array, start: number): Promise<void>;
  /**
   * Tells who says a text in the samples so far: several, where speakers take turns in it.
   * @param start seconds, before the text; what lies before is told of no more
   */
  label(segment: Segment, start: number): Promise<SpokenSegment[]>;
  /** Resolves when nothing of it runs any more. */
  close(): Promise<void>;
}

/** Names of a stream's speakers: as they are told of for the first time, over all channels. */
export class SpeakerNames {
  readonly #told: string[] = [];

  /** @param key tells speakers of all channels apart */
  of(key: string): string {
    if (!this.#told.includes(key)) this.#told.push(key);
    return speakerId(this.#told.indexOf(key));
  }
}

/** A channel is one speaker, as in recordings. */
export class ChannelAsSpeaker implements ChannelSpeakers {
  readonly #name: () => string;

  constructor(channel: number, names: SpeakerNames) {
    this.#name = () => names.of(`${channel}`);
  }

  async hear(): Promise<void> {}

  async label(segment: Segment): Promise<SpokenSegment[]> {
    return [renamed({ ...segment, speaker: "", speakerConfidence: 1 }, this.#name)];
  }

  async close(): Promise<void> {}
}

/**
 * A diarizer tells the speakers of a channel apart. It is given all of the channel's sound, in order, and looks at the end
 * of a text: how the sound comes changes nothing of what it says.
 */
export class DiarizedChannel implements ChannelSpeakers {
  readonly #session: LiveDiarizerSession;
  readonly #channel: number;
  readonly #names: SpeakerNames;
  readonly #signal: AbortSignal;
  /** Given, and not handed on. */
  #held: Float32Array[] = [];
  #heldSamples = 0;
  /** What was handed on, one after the other. */
  #work: Promise<unknown> = Promise.resolve();

  constructor(session: LiveDiarizerSession, channel: number, names: SpeakerNames, signal: AbortSignal) {
    this.#session = session;
    this.#channel = channel;
    this.#names = names;
    this.#signal = signal;
  }

  async hear(samples: Float32Array, start: number): Promise<void> {
    this.#held.push(samples.slice());
    this.#heldSamples += samples.length;
    if (this.#heldSamples < BATCH * SAMPLE_RATE) return;
    // One batch is worked on while the next one comes.
    await this.#work;
    const batch = this.#takeHeld();
    void this.#then(() => this.#session.push(batch, start, this.#signal));
  }

  async label(segment: Segment, start: number): Promise<SpokenSegment[]> {
    const rest = this.#takeHeld();
    const found = await this.#then(() => this.#session.look(rest, start, this.#signal));
    const name = (own: string): string => this.#names.of(`${this.#channel} ${own}`);
    return labelSegments([segment], namedTurns(found)).map((part) => renamed(part, name));
  }

  async close(): Promise<void> {
    await this.#work.catch(() => {});
    this.#session.close();
  }

  #takeHeld(): Float32Array {
    const all = new Float32Array(this.#heldSamples);
    let at = 0;
    for (const piece of this.#held) {
      all.set(piece, at);
      at += piece.length;
    }
    this.#held = [];
    this.#heldSamples = 0;
    return all;
  }

  #then<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#work.then(work);
    this.#work = result;
    // Told to the next one who waits for it.
    result.catch(() => {});
    return result;
  }
}

/** With the stream's names in place of a channel's own. */
function renamed(segment: SpokenSegment, name: (own: string) => string): SpokenSegment {
  const nameOf = (own: string | null): string | null => (own === null ? null : name(own));
  const { speakerConfidence, words } = segment;
  return {
    ...segment,
    speaker: nameOf(segment.speaker),
    ...(words && {
      words: words.map((word) => ({
        speakerConfidence,
        ...word,
        speaker: nameOf(word.speaker === undefined ? segment.speaker : word.speaker),
      })),
    }),
  };
}
