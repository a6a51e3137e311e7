import type { ResolvedDiarization } from "../config/diarization.js";
import type { Segment } from "../types/result.js";
import type { RoleOptions, Speaker, SpeakerTurn, VoiceMeasure } from "../types/speakers.js";
import { assignRoles } from "./roles.js";
import { speakersOf } from "./turns.js";
import { findVoice } from "./voices.js";

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
}

/** The speakers with their roles, and what is to be said of them. */
export function told({ segments, turns, voices, measure }: Heard, { diarize, roles }: PassOptions): SpokenBy {
  const speakers = speakersOf(turns, (id) => (diarize.embeddings ? voices.get(id) : undefined));
  const warnings = countWarnings(speakers.length, diarize.count);
  if (!roles) return { segments, turns, speakers, warnings };
  const utterances = [
    ...segments.map(utteranceOf),
    ...turns.map((turn) => utteranceOf({ ...turn, text: "" })),
  ];
  if (!roles.sellerVoices || !measure || speakers.length === 0)
    return { segments, turns, speakers: assignRoles(speakers, utterances, roles), warnings };
  const own = new Map([...voices].filter(([id]) => speakers.some((speaker) => speaker.id === id)));
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

/** What is to be said where fewer speakers were found than were asked for. */
function countWarnings(found: number, { exactly, least }: ResolvedDiarization["count"]): string[] {
  const wanted = exactly ?? least ?? 0;
  if (found >= wanted) return [];
  return [
    found === 0
      ? "No speakers were found: nobody is heard in the recording"
      : `${found} ${found === 1 ? "speaker was" : "speakers were"} found of the ${wanted} asked for: there is too little speech of more`,
  ];
}
