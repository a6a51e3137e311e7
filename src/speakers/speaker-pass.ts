import type { ResolvedDiarization } from "../config/diarization.js";
import type { Segment } from "../types/result.js";
import type { Diarizer, DiarizerSession, RoleOptions, Speaker, SpeakerTurn } from "../types/speakers.js";
import { speakerId } from "./names.js";
import { assignRoles } from "./roles.js";
import { namedTurns, speakersOf } from "./turns.js";
import { speakerWarnings } from "./warnings.js";
import { labelSegments } from "./words.js";

/** Seconds of pause within a channel at which a turn ends. */
const TURN_PAUSE = 1;

/** What is known of the speakers of a recording in the end. */
export interface SpokenBy {
  segments: Segment[];
  turns: SpeakerTurn[];
  speakers: Speaker[];
  warnings: string[];
}

/** Tells the speakers of one recording apart while it is transcribed. */
export interface SpeakerPass {
  /** Takes the next block of the recording's tracks. */
  push(block: readonly Float32Array[], signal: AbortSignal): Promise<void>;
  /** @param segments of all tracks, in order of time, with the channels where those are apart */
  finish(segments: readonly Segment[], signal: AbortSignal): Promise<SpokenBy>;
  close(): void;
}

/** Each channel is a speaker. */
export class ChannelPass implements SpeakerPass {
  readonly #roles: RoleOptions | undefined;

  constructor(roles: RoleOptions | undefined) {
    this.#roles = roles;
  }

  async push(): Promise<void> {}

  async finish(segments: readonly Segment[]): Promise<SpokenBy> {
    const names = new Map<number, string>();
    const idOf = (channel = 0): string => {
      const name = names.get(channel) ?? speakerId(names.size);
      names.set(channel, name);
      return name;
    };
    const label = (channel: number | undefined) => ({ speaker: idOf(channel), speakerConfidence: 1 });
    const labelled = segments.map((segment) => ({
      ...segment,
      ...label(segment.channel),
      ...(segment.words && {
        words: segment.words.map((word) => ({ ...word, ...label(segment.channel) })),
      }),
    }));
    const turns = channelTurns(labelled);
    const speakers = speakersOf(turns);
    return { segments: labelled, turns, speakers: withRoles(speakers, labelled, this.#roles), warnings: [] };
  }

  close(): void {}
}

/** One track for all: a diarizer tells its speakers apart. */
export class DiarizerPass implements SpeakerPass {
  readonly #diarizer: Diarizer;
  readonly #session: DiarizerSession;
  readonly #options: ResolvedDiarization;
  readonly #roles: RoleOptions | undefined;
  /** The step that is being worked on: the next block is decoded meanwhile. */
  #step: Promise<void> = Promise.resolve();

  constructor(diarizer: Diarizer, options: ResolvedDiarization, roles: RoleOptions | undefined) {
    this.#diarizer = diarizer;
    this.#session = diarizer.createSession();
    this.#options = options;
    this.#roles = roles;
  }

  async push(block: readonly Float32Array[], signal: AbortSignal): Promise<void> {
    await this.#step;
    this.#step = this.#session.push(block[0]!, signal);
    // Reported by the next call.
    this.#step.catch(() => {});
  }

  async finish(segments: readonly Segment[], signal: AbortSignal): Promise<SpokenBy> {
    await this.#step;
    const { count, embeddings } = this.#options;
    const found = await this.#session.finish(count, signal);
    const turns = namedTurns(found.turns);
    const labelled = labelSegments(segments, namedTurns(found.exclusive));
    const speakers = speakersOf(turns, embeddings ? found.embeddings : []);
    return {
      segments: labelled,
      turns,
      speakers: withRoles(speakers, labelled, this.#roles),
      warnings: speakerWarnings(speakers.length, this.#options, this.#diarizer),
    };
  }

  close(): void {
    this.#session.close();
  }
}

function withRoles(
  speakers: Speaker[],
  segments: readonly Segment[],
  roles: RoleOptions | undefined,
): Speaker[] {
  if (!roles) return speakers;
  const utterances = segments.map(({ speaker = null, channel, text }) => ({
    speaker,
    text,
    ...(channel !== undefined && { channel }),
  }));
  return assignRoles(speakers, utterances, roles);
}

/** What is said on a channel without a long pause is a turn. */
function channelTurns(segments: readonly Segment[]): SpeakerTurn[] {
  const open = new Map<string, SpeakerTurn>();
  const turns: SpeakerTurn[] = [];
  for (const { start, end, speaker, channel, words } of segments) {
    if (!speaker) continue;
    for (const span of words?.length ? words : [{ start, end }]) {
      const last = open.get(speaker);
      if (last && span.start - last.end < TURN_PAUSE) {
        last.end = Math.max(last.end, span.end);
        continue;
      }
      const turn = {
        start: span.start,
        end: span.end,
        speaker,
        confidence: 1,
        ...(channel !== undefined && { channel }),
      };
      open.set(speaker, turn);
      turns.push(turn);
    }
  }
  return turns.sort((a, b) => a.start - b.start);
}
