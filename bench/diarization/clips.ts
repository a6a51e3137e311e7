/** Recordings of the reference material with the truth about who speaks when and, of most, who says what. */
import { readFileSync } from "node:fs";
import { sharedPath } from "../../test/support/shared-path.js";
import { parseRttm, type ScoredTurn } from "./error-rate.js";

export interface Clip {
  group: "meetings" | "calls" | "samples" | "long" | "stereo";
  name: string;
  path: string;
  /** Seconds that are scored, where that is less than all. */
  seconds?: number;
  turns: readonly ScoredTurn[];
  /** Undefined: nobody knows what is said. */
  text?: ClipText;
}

export interface ClipText {
  language: "en" | "ru";
  /** In order of start. */
  spoken: readonly { speaker: string; start: number; text: string }[];
  /** The speakers' names are their roles. */
  hasRoles: boolean;
  /** A recording of which a channel is the seller's. */
  sellerVoice?: { path: string; channel: number };
}

/** Meeting clips are cut from longer recordings. */
const MEETING_SECONDS = 30;
const MEETINGS = Array.from({ length: 9 }, (_, i) => `trn0${i + 1}`);
/** Of the sample calls. */
export const SELLER_CHANNEL = 0;

/** How a clip is heard: parties on two channels apart, everything else mixed. */
export function channelsOf(group: Clip["group"]): { channels?: "mix" } {
  return group === "stereo" ? {} : { channels: "mix" };
}

/** Files of a clip; undefined where one is missing, which is told. */
function found(name: string, ...files: string[]): string[] | undefined {
  const paths = files.map((file) => sharedPath(file));
  const missing = files.find((_, i) => paths[i] === undefined);
  if (missing === undefined) return paths as string[];
  console.error(`${name} is not scored: there is no ${missing} beside the repository`);
  return undefined;
}

const read = (path: string): string => readFileSync(path, "utf8");

export function clips(): Clip[] {
  return [...MEETINGS.map(meeting), ...calls(), ...samples()].filter((clip) => clip !== undefined);
}

function meeting(name: string): Clip | undefined {
  const rttm = "audio/diarization/debug.train.rttm";
  const [path, truth] = found(name, `audio/diarization/${name}.flac`, rttm) ?? [];
  if (!path || !truth) return undefined;
  return { group: "meetings", name, path, seconds: MEETING_SECONDS, turns: parseRttm(read(truth), name) };
}

type TextTurn = { speaker?: string; channel?: number; start: number; end: number; text: string };

/** Two of LibriSpeech's readers, as a call of two channels and mixed, and one after the other. */
function calls(): (Clip | undefined)[] {
  const spokenOf = (path: string) => {
    const turns = JSON.parse(read(path)) as TextTurn[];
    return turns.map(({ speaker, channel, ...turn }) => ({
      ...turn,
      speaker: speaker ?? `channel ${channel}`,
    }));
  };
  const clip = (group: Clip["group"], name: string, audio: string, json: string, rttm?: string) => {
    const [path, text, truth] = found(name, audio, json, ...(rttm ? [rttm] : [])) ?? [];
    if (!path || !text) return undefined;
    const spoken = spokenOf(text);
    const turns = truth ? parseRttm(read(truth)) : spoken;
    return { group, name, path, turns, text: { language: "en" as const, spoken, hasRoles: false } };
  };
  const stereo = "audio/calls/stereo-call.json";
  return [
    clip("calls", "mono-mix", "audio/calls/mono-mix.wav", stereo, "audio/calls/mono-mix.rttm"),
    clip(
      "calls",
      "dialogue",
      "audio/formats/dialogue.wav",
      "audio/formats/dialogue.json",
      "audio/formats/dialogue.rttm",
    ),
    clip("stereo", "stereo-call", "audio/calls/stereo-call-8k-mulaw.wav", stereo),
  ];
}

/** Synthetic calls of a seller and a client. */
function samples(): (Clip | undefined)[] {
  const clip = (group: Clip["group"], name: string, audio: string, voiceFrom: string): Clip | undefined => {
    const files = [`samples/${audio}`, `samples/${name}.json`, `samples/${name}.rttm`];
    const [path, text, truth] = found(audio, ...files) ?? [];
    const voice = sharedPath(`samples/${voiceFrom}.stereo.wav`);
    if (!path || !text || !truth) return undefined;
    const { language, turns: spoken } = JSON.parse(read(text)) as {
      language: ClipText["language"];
      turns: ClipText["spoken"];
    };
    return {
      group,
      name: audio.replace(/\.(wav|flac)$/, ""),
      path,
      turns: parseRttm(read(truth)),
      text: {
        language,
        spoken,
        hasRoles: true,
        ...(voice && { sellerVoice: { path: voice, channel: SELLER_CHANNEL } }),
      },
    };
  };
  const names = ["sales-call-en", "sales-call-ru"];
  return [
    ...names.map((name) => clip("samples", name, `${name}.wav`, name)),
    clip("long", "long-call-en", "long-call-en.flac", "sales-call-en"),
    ...names.map((name) => clip("stereo", name, `${name}.stereo.wav`, name)),
  ];
}
