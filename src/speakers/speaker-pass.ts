import type { ResolvedDiarization } from "../config/diarization.js";
import type { Segment } from "../types/result.js";
import type { Diarizer, RoleOptions, Speaker, SpeakerTurn, VoiceMeasure } from "../types/speakers.js";
import { assignRoles } from "./roles.js";
import { speakersOf } from "./turns.js";
import { findVoice, nameVoices } from "./voices.js";
import { speakerWarnings } from "./warnings.js";

/** What is known of the speakers of a recording in the end. */
export interface SpokenBy {
  segments: Segment[];
  /** By start. */
  turns: SpeakerTurn[];
  speakers: Speaker[];
  warnings: string[];
}

/** Tells the speakers of one recording apart while it is read. */
export interface SpeakerPass {
  /** Takes the next block of the recording's tracks. */
  push(block: readonly Float32Array[], signal: AbortSignal): Promise<void>;
  /** @param segments of all tracks, in order of time, with the channels where those are apart; empty without text */
  finish(segments: readonly Segment[], signal: AbortSignal): Promise<SpokenBy>;
  close(): void;
}

/** What is to be told of speakers. */
export interface PassOptions {
  diarize: ResolvedDiarization;
  roles: RoleOptions | undefined;
}

/** What was heard of the speakers of a recording. */
interface Heard {
  segments: Segment[];
  turns: SpeakerTurn[];
  /** By speaker id. */
  voices: ReadonlyMap<string, ArrayLike<number>>;
  measure: VoiceMeasure | undefined;
  /** What told the speakers apart; undefined: their channels. */
  diarizer?: Pick<Diarizer, "engine" | "mostSpeakers">;
}

/** The speakers with their names and roles, and what is to be said of them. */
export function told(
  { segments, turns, voices, measure, diarizer }: Heard,
  { diarize, roles }: PassOptions,
): SpokenBy {
  const found = speakersOf(turns, (id) => (diarize.embeddings ? voices.get(id) : undefined));
  const own = new Map([...voices].filter(([id]) => found.some((speaker) => speaker.id === id)));
  const named =
    diarize.knownVoices && measure && found.length > 0
      ? nameVoices(diarize.knownVoices, own, measure)
      : undefined;
  const speakers = found.map((speaker) => {
    const name = named?.names.get(speaker.id);
    return name === undefined ? speaker : { ...speaker, name };
  });
  const warnings = [
    ...speakerWarnings(speakers.length, diarize, diarizer, measure !== undefined),
    ...(named?.warnings ?? []),
  ];
  if (!roles) return { segments, turns, speakers, warnings };
  const utterances = [
    ...segments.map(utteranceOf),
    ...turns.map((turn) => utteranceOf({ ...turn, text: "" })),
  ];
  if (!roles.sellerVoices || !measure || speakers.length === 0)
    return { segments, turns, speakers: assignRoles(speakers, utterances, roles), warnings };
  const match = findVoice(roles.sellerVoices, own, measure);
  return {
    segments,
    turns,
    speakers: assignRoles(speakers, utterances, roles, match),
    warnings: [...warnings, ...match.warnings],
  };
}

function utteranceOf({ speaker, channel, text }: Pick<Segment, "speaker" | "channel" | "text">) {
  return { speaker: speaker ?? null, text, ...(channel !== undefined && { channel }) };
}
