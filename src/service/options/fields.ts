import {
  DIARIZATION_ENGINES,
  type DiarizationOptions,
  PRIORITIES,
  type RoleOptions,
  TASKS,
  type TranscribeOptions,
  type VadOptions,
} from "../../index.js";
import * as kind from "./kinds.js";

/** Options that a request can have; the others are the server's own. */
export type RequestOptions = Omit<TranscribeOptions, "signal" | "onSegment" | "onProgress">;

type Nested = "vadOptions" | "diarize" | "roles" | "limits";
/** A model is the server's, and known voices come as recordings. */
type OfDiarization = Exclude<keyof DiarizationOptions, "model" | "knownVoices" | "download">;

/** Every option of a request by the name that messages of the library have for it. */
export type OptionPath =
  | Exclude<keyof RequestOptions, Nested>
  | "diarize"
  | "roles"
  | `vadOptions.${keyof VadOptions}`
  | `diarize.${OfDiarization}`
  | `roles.${Exclude<keyof RoleOptions, "speakers">}`
  | "limits.maxDuration";

/** An option of a request as a field. */
export interface OptionField {
  /** Where it is not the option's name in snake_case. */
  name?: string;
  kind: kind.Kind<unknown>;
  /** For the description of the interface. */
  is: string;
}

/**
 * Every option of a request: how it is called where names are in snake_case, how it is read where requests are text, and
 * what it is. Contract v2 of gRPC has the same options, as messages.
 */
export const OPTION_FIELDS: Readonly<Record<OptionPath, OptionField>> = {
  language: { kind: kind.text, is: "Spoken language by code, tag or name, or auto. Default: the server's." },
  task: { kind: kind.choice(TASKS), is: "transcribe, or translate into English." },
  beamSize: { kind: kind.integer, is: "Beams kept by beam search, 1 to 8; 1 is greedy." },
  bestOf: { kind: kind.integer, is: "Samples drawn at temperatures above 0, 1 to 8." },
  patience: { kind: kind.number, is: "Patience of beam search, above 0, at most 100." },
  lengthPenalty: {
    kind: kind.number,
    is: "Exponent of the length by which a beam's score is divided, 0 to 10.",
  },
  temperature: { kind: kind.oneOrMore, is: "The temperature, or up to 20 to try in turn, each 0 to 2." },
  compressionRatioThreshold: {
    kind: kind.threshold,
    is: "Text more repetitive than this is decoded again at the next temperature.",
  },
  logProbThreshold: { kind: kind.threshold, is: "Text less probable than this is decoded again." },
  noSpeechThreshold: {
    kind: kind.threshold,
    is: "Above this probability of silence improbable text is dropped.",
  },
  repetitionPenalty: { kind: kind.number, is: "Makes tokens that were written less probable, 0.01 to 100." },
  noRepeatNgramSize: { kind: kind.integer, is: "No run of this many tokens is written twice in a window." },
  hallucinationSilenceThreshold: {
    kind: kind.threshold,
    is: "Text of odd words is dropped where it stands in silence longer than this, in seconds.",
  },
  initialPrompt: {
    kind: kind.text,
    is: "Text that the recording might follow on from: names, spelling, style.",
  },
  carryInitialPrompt: { kind: kind.flag, is: "Give every window the initial prompt." },
  hotwords: { kind: kind.texts, is: "Words to expect, for every window." },
  prefix: { kind: kind.text, is: "Text that the first window of each channel is to begin with." },
  conditionOnPreviousText: { kind: kind.flag, is: "Give each window the text of those before." },
  promptResetOnTemperature: {
    kind: kind.number,
    is: "Text decoded above this temperature is not given to the next window.",
  },
  multilingual: { kind: kind.flag, is: "Detect the language of each window by itself." },
  languageDetectionThreshold: {
    kind: kind.number,
    is: "Probability from which a window settles the language, 0 to 1.",
  },
  languageDetectionSegments: { kind: kind.integer, is: "Windows to hear at most for the language." },
  clipTimestamps: {
    kind: kind.numbers,
    is: "Start, end, start, end, … of the stretches to transcribe, in seconds.",
  },
  suppressBlank: { kind: kind.flag, is: "No blank at the start of a segment." },
  suppressTokens: {
    kind: kind.integers,
    is: "Ids of tokens never to be produced; -1: all non-speech symbols.",
  },
  suppressNumerals: { kind: kind.flag, is: "Write numbers in words." },
  withoutTimestamps: { kind: kind.flag, is: "One segment per window, without times inside it." },
  maxInitialTimestamp: { kind: kind.number, is: "Latest start of a window's first segment, in seconds." },
  wordTimestamps: { kind: kind.flag, is: "Start, end and confidence of each word." },
  prependPunctuations: { kind: kind.text, is: "Characters that are part of the word after them." },
  appendPunctuations: { kind: kind.text, is: "Characters that are part of the word before them." },
  maxTokens: { kind: kind.integer, is: "Most tokens per window, 1 to 448 by model." },
  vadFilter: { kind: kind.autoFlag, is: "Skip what is not speech." },
  chunkLength: { kind: kind.number, is: "Longest window in seconds, 1 to 30." },
  channels: { kind: kind.channels, is: "mix, each, or the number of one channel." },
  track: { kind: kind.integer, is: "Which of a file's audio tracks, from 0." },
  seed: { kind: kind.integer, is: "Seed of sampling at temperatures above 0." },
  topK: { kind: kind.integer, is: "Borealis: draws from so many of the most probable tokens." },
  topP: { kind: kind.number, is: "Borealis: draws from the most probable tokens that make up so much." },
  systemPrompt: { kind: kind.text, is: "Borealis: what the model is told first." },
  userPrompt: { kind: kind.text, is: "Borealis: what the model is told before the audio." },
  timeout: { kind: kind.number, is: "Seconds from the complete request to its answer." },
  priority: { kind: kind.choice(PRIORITIES), is: "interactive, or bulk for work that nobody waits for." },
  "vadOptions.threshold": {
    name: "vad_threshold",
    kind: kind.number,
    is: "Probability from which sound is speech.",
  },
  "vadOptions.negThreshold": {
    name: "vad_neg_threshold",
    kind: kind.number,
    is: "Probability below which speech ends.",
  },
  "vadOptions.minSpeechDuration": {
    name: "vad_min_speech_duration",
    kind: kind.number,
    is: "Shorter bursts of speech are dropped; seconds.",
  },
  "vadOptions.minSilenceDuration": {
    name: "vad_min_silence_duration",
    kind: kind.number,
    is: "Shorter pauses do not end speech; seconds.",
  },
  "vadOptions.speechPad": { name: "vad_speech_pad", kind: kind.number, is: "Seconds added around speech." },
  "vadOptions.maxSpeechDuration": {
    name: "vad_max_speech_duration",
    kind: kind.number,
    is: "Longer stretches of speech are parted; seconds.",
  },
  diarize: { kind: kind.flag, is: "Tell who says what; any of the fields about speakers asks for it." },
  "diarize.engine": {
    name: "diarization_engine",
    kind: kind.choice(DIARIZATION_ENGINES),
    is: "nemotron or community, for speakers of one channel.",
  },
  "diarize.numSpeakers": { name: "num_speakers", kind: kind.integer, is: "Exactly so many speakers." },
  "diarize.minSpeakers": { name: "min_speakers", kind: kind.integer, is: "At least so many speakers." },
  "diarize.maxSpeakers": { name: "max_speakers", kind: kind.integer, is: "At most so many speakers." },
  "diarize.embeddings": {
    name: "speaker_embeddings",
    kind: kind.flag,
    is: "Give the speakers' voices as vectors, in the formats that have a place for them.",
  },
  roles: { kind: kind.flag, is: "Tell seller from client, among speakers." },
  "roles.sellerChannel": {
    name: "seller_channel",
    kind: kind.integer,
    is: "The channel that the seller is on.",
  },
  "roles.direction": {
    name: "call_direction",
    kind: kind.choice(["inbound", "outbound"]),
    is: "Who called: in an inbound call the seller answers.",
  },
  "roles.sellerVoices": {
    name: "seller_voices",
    kind: kind.vectors,
    is: "Voices of sellers, as the vectors that speaker_embeddings gives; a field to each, as JSON.",
  },
  "limits.maxDuration": {
    name: "max_duration",
    kind: kind.number,
    is: "Longest recording accepted, in seconds.",
  },
};

const PATHS = Object.keys(OPTION_FIELDS) as OptionPath[];
const NAMES = Object.fromEntries(
  PATHS.map((path) => [path, OPTION_FIELDS[path].name ?? snakeCase(path)]),
) as Readonly<Record<OptionPath, string>>;

/** Name of an option's field: `beam_size`, `vad_threshold`. */
export function fieldName(path: OptionPath): string {
  return NAMES[path];
}

/** Names of all fields. */
export const FIELD_NAMES: readonly string[] = PATHS.map(fieldName);

/** `beam_size` for `beamSize`. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The paths of all options. */
export function optionPaths(): readonly OptionPath[] {
  return PATHS;
}
