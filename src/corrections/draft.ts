import { TranscriptionError } from "../errors.js";
import { singleLine } from "../formats/text.js";
import { countCodePoints, countWords } from "../pipeline/stats.js";
import { isSpeakerId, speakerId } from "../speakers/names.js";
import { speakersOf } from "../speakers/turns.js";
import type { Correction } from "../types/corrections.js";
import type { Segment, TranscriptionResult } from "../types/result.js";
import type { Speaker, SpeakerTurn } from "../types/speakers.js";
import { reworded } from "./reworded.js";
import { type Move, moved } from "./turns.js";
import { Voices } from "./voices.js";

/** A result while it is being corrected. A correction takes as long however long the recording is: all of it is written once. */
export class Draft {
  readonly #original: TranscriptionResult;
  /** With the speakers that they had at first. */
  readonly #segments: Map<number, Segment>;
  readonly #speakers: Map<string, Speaker>;
  readonly #voices: Voices;
  #hasOtherTurns = false;

  constructor(result: TranscriptionResult) {
    this.#original = result;
    this.#segments = new Map(result.segments.map((segment) => [segment.id, segment]));
    this.#speakers = new Map((result.speakers ?? []).map((speaker) => [speaker.id, speaker]));
    this.#voices = new Voices(this.#speakers.keys());
  }

  /** @param name what the correction is called in an error @throws TranscriptionError INVALID_ARGUMENT */
  apply(correction: Correction, name: string): void {
    switch (correction.op) {
      case "text":
        this.#setText(this.#requireSegment(correction.segment, name), correction.text);
        break;
      case "speaker": {
        const segment = this.#requireSegment(correction.segment, name);
        this.#setSpeaker(segment, this.#speakerOrNew(correction.speaker, name));
        break;
      }
      case "name":
        this.#setName(this.#requireSpeaker(correction.speaker, `${name}.speaker`), correction.name);
        break;
      case "role":
        this.#setRole(this.#requireSpeaker(correction.speaker, `${name}.speaker`), correction.role);
        break;
      case "merge": {
        const { id } = this.#requireSpeaker(correction.speaker, `${name}.speaker`);
        const into = this.#requireSpeaker(correction.into, `${name}.into`);
        if (id === into.id) throw wrong(`${name}.into`, "another speaker", id);
        this.#merge(id, into.id);
      }
    }
  }

  result(): TranscriptionResult {
    const { channels, speakers, stats, turns } = this.#original;
    const segments = [...this.#segments.values()].map((segment) => this.#labelled(segment));
    const turnsNow = this.#hasOtherTurns ? this.#turnsNow() : [...(turns ?? [])];
    const text = textOf(segments);
    return {
      ...this.#original,
      text,
      segments,
      ...(channels && {
        channels: channels.map((each) => ({
          ...each,
          text: textOf(segments.filter(({ channel }) => channel === each.channel)),
        })),
      }),
      ...(speakers && { speakers: this.#speakersNow(turnsNow) }),
      ...(turns && { turns: turnsNow }),
      stats: { ...stats, wordCount: countWords(text), charCount: countCodePoints(text) },
    };
  }

  #setText(segment: Segment, text: string): void {
    const line = singleLine(text);
    if (line === "") this.#segments.delete(segment.id);
    else if (line !== segment.text) this.#segments.set(segment.id, reworded(segment, line));
  }

  #setSpeaker(segment: Segment, speaker: string): void {
    if (this.#voices.of(segment) === speaker) return;
    this.#voices.give(segment.id, speaker);
    this.#hasOtherTurns = true;
  }

  #setName({ name: _, ...speaker }: Speaker, given: string): void {
    const name = singleLine(given);
    this.#speakers.set(speaker.id, name === "" ? speaker : { ...speaker, name });
  }

  #setRole(speaker: Speaker, role: Speaker["role"]): void {
    const known = { roleConfidence: 1, evidence: ["somebody says so"] };
    const unknown = { roleConfidence: 0, evidence: [] };
    this.#speakers.set(speaker.id, { ...speaker, role, ...(role === null ? unknown : known) });
  }

  #merge(id: string, into: string): void {
    this.#voices.merge(id, into);
    this.#speakers.delete(id);
    this.#hasOtherTurns = true;
  }

  #labelled(segment: Segment): Segment {
    const speaker = this.#voices.of(segment);
    const isAsHeard = !this.#voices.isGiven(segment) && speaker === segment.speaker;
    return speaker === undefined || isAsHeard ? segment : saidBy(segment, speaker);
  }

  #turnsNow(): SpeakerTurn[] {
    const { segments, turns = [] } = this.#original;
    const named = turns.map((turn) => ({ ...turn, speaker: this.#voices.nowOf(turn.speaker) }));
    const moves = segments.flatMap((segment): Move[] => {
      const { channel, end, start } = segment;
      const from = this.#voices.nowOf(segment.speaker ?? undefined);
      const to = this.#voices.of(segment);
      if (to === undefined || to === from) return [];
      return [{ start, end, from, to, ...(channel !== undefined && { channel }) }];
    });
    return moved(named, moves);
  }

  /** Those who are heard, with what they say. */
  #speakersNow(turns: readonly SpeakerTurn[]): Speaker[] {
    if (!this.#hasOtherTurns) return [...this.#speakers.values()];
    const counts = new Map(speakersOf(turns).map((speaker) => [speaker.id, speaker]));
    return [...this.#speakers.values()].flatMap((speaker) => {
      const count = counts.get(speaker.id);
      return count ? [{ ...speaker, talkTime: count.talkTime, turns: count.turns }] : [];
    });
  }

  #requireSegment(id: number, name: string): Segment {
    const segment = this.#segments.get(id);
    if (segment) return segment;
    throw wrong(`${name}.segment`, "a segment that there is", String(id));
  }

  #requireSpeaker(id: string, name: string): Speaker {
    const speaker = this.#speakers.get(id);
    if (speaker) return speaker;
    throw wrong(name, `one of ${[...this.#speakers.keys()].join(", ")}`, id);
  }

  #speakerOrNew(id: string, name: string): string {
    if (this.#speakers.has(id)) return id;
    if (!isSpeakerId(id)) {
      const [free, known] = [freeSpeaker(this.#speakers.keys()), [...this.#speakers.keys()].join(", ")];
      throw wrong(`${name}.speaker`, `one of ${known}, or one more such as ${free}`, id);
    }
    const [speaker] = speakersOf([{ start: 0, end: 0, speaker: id, confidence: 1 }]);
    this.#speakers.set(id, speaker!);
    this.#voices.add(id);
    return id;
  }
}

/** Id of one speaker more. */
export function freeSpeaker(ids: Iterable<string>): string {
  const taken = new Set(ids);
  let number = 0;
  while (taken.has(speakerId(number))) number++;
  return speakerId(number);
}

function saidBy(segment: Segment, speaker: string): Segment {
  const by = { speaker, speakerConfidence: 1 };
  return {
    ...segment,
    ...by,
    ...(segment.words && { words: segment.words.map((word) => ({ ...word, ...by })) }),
  };
}

function textOf(segments: readonly Segment[]): string {
  return segments.map(({ text }) => text).join(" ");
}

function wrong(option: string, expected: string, received: string): TranscriptionError {
  const message = `Expected ${expected} for ${option} but received ${JSON.stringify(received.slice(0, 200))}`;
  return new TranscriptionError("INVALID_ARGUMENT", message, { option });
}
