import {
  type AudioLimits,
  type ChannelSelection,
  type DiarizationEngine,
  type FormatOptions,
  OUTPUT_FORMATS,
  type OutputFormat,
  type TranscribeOptions,
  type TranscriberInfo,
  type TranscriberOptions,
  type VadOptions,
} from "../index.js";
import { UsageError } from "./exit.js";
import { allOr, type Chosen, type KnownVoice, NONE } from "./option-values.js";
import type { OutputFlags } from "./output-files.js";

/** Files at once: each has a decoder of its own. */
const MOST_JOBS = 256;

/** Options about speakers. */
export interface SpeakerFlags extends VoiceFlags {
  diarize?: boolean;
  diarizationEngine?: DiarizationEngine;
  diarizationModel?: string;
  numSpeakers?: number;
  minSpeakers?: number;
  maxSpeakers?: number;
  roles?: boolean;
  sellerChannel?: number;
}

/** Options that name recordings of voices. */
export interface VoiceFlags {
  /** Paths of recordings. */
  sellerVoice?: string[];
  knownVoice?: KnownVoice[];
}

/** Options about limits on the input. */
export interface LimitFlags {
  maxBytes?: number;
  maxDuration?: number;
  decodeTimeout?: number;
}

/** Where models come from. */
export interface ModelFlags {
  cacheDir?: string;
  offline?: boolean;
  /** False for `--no-download`. */
  download?: boolean;
}

export function modelSource({
  cacheDir,
  offline,
  download,
}: ModelFlags): Pick<TranscriberOptions, "cacheDir" | "download"> {
  return {
    ...(cacheDir !== undefined && { cacheDir }),
    ...((offline || download === false) && { download: false }),
  };
}

/** Options of `agora-transcribe FILE…` as commander leaves them: absent where they were not given. */
export interface TranscribeFlags extends SpeakerFlags, OutputFlags, LimitFlags, ModelFlags {
  channels?: ChannelSelection;
  format?: Chosen<OutputFormat>[];
  jobs?: number;
  detectLanguage?: boolean;
  quiet?: boolean;
  verbose?: boolean;
  vadFilter?: boolean;
  vadThreshold?: number;
  vadNegThreshold?: number;
  vadMinSpeechDuration?: number;
  vadMinSilenceDuration?: number;
  vadSpeechPad?: number;
  vadMaxSpeechDuration?: number;
}

/** Flags that carry the very names of the library's options. */
const TRANSCRIBER_KEYS = [
  "model",
  "implementation",
  "device",
  "threads",
  "batchSize",
  "computeType",
  "draftModel",
  "cpuVariant",
  "vadModel",
] as const satisfies readonly (keyof TranscriberOptions)[];

const TRANSCRIBE_KEYS = [
  "language",
  "task",
  "beamSize",
  "bestOf",
  "patience",
  "lengthPenalty",
  "temperature",
  "compressionRatioThreshold",
  "logProbThreshold",
  "noSpeechThreshold",
  "initialPrompt",
  "carryInitialPrompt",
  "hotwords",
  "prefix",
  "repetitionPenalty",
  "noRepeatNgramSize",
  "hallucinationSilenceThreshold",
  "conditionOnPreviousText",
  "promptResetOnTemperature",
  "multilingual",
  "languageDetectionThreshold",
  "languageDetectionSegments",
  "clipTimestamps",
  "suppressBlank",
  "suppressTokens",
  "suppressNumerals",
  "withoutTimestamps",
  "maxInitialTimestamp",
  "wordTimestamps",
  "prependPunctuations",
  "appendPunctuations",
  "maxTokens",
  "chunkLength",
  "channels",
  "track",
  "topK",
  "topP",
  "systemPrompt",
  "userPrompt",
  "seed",
  "priority",
  "timeout",
] as const satisfies readonly (keyof TranscribeOptions)[];

const SPEAKER_KEYS = [
  "diarize",
  "diarizationEngine",
  "diarizationModel",
  "numSpeakers",
  "minSpeakers",
  "maxSpeakers",
  "roles",
  "sellerChannel",
  "sellerVoice",
  "knownVoice",
] as const satisfies readonly (keyof SpeakerFlags)[];

const FORMAT_KEYS = [
  "maxLineWidth",
  "maxLineCount",
  "maxWordsPerLine",
  "highlightWords",
  "channelLabels",
] as const satisfies readonly (keyof FormatOptions)[];

/** Flags whose library option goes by another name. */
const RENAMED = {
  vadFilter: "--vad-filter",
  "diarize.engine": "--diarization-engine",
  "diarize.model": "--diarization-model",
  "diarize.numSpeakers": "--num-speakers",
  "diarize.minSpeakers": "--min-speakers",
  "diarize.maxSpeakers": "--max-speakers",
  "roles.sellerChannel": "--seller-channel",
  "roles.sellerVoices": "--seller-voice",
  "diarize.knownVoices": "--known-voice",
  "vadOptions.threshold": "--vad-threshold",
  "vadOptions.negThreshold": "--vad-neg-threshold",
  "vadOptions.minSpeechDuration": "--vad-min-speech-duration",
  "vadOptions.minSilenceDuration": "--vad-min-silence-duration",
  "vadOptions.speechPad": "--vad-speech-pad",
  "vadOptions.maxSpeechDuration": "--vad-max-speech-duration",
  "limits.maxBytes": "--max-bytes",
  "limits.maxDuration": "--max-duration",
  "limits.decodeTimeout": "--decode-timeout",
};

/** The library's options that the flags ask for. */
export interface Settings {
  formats: readonly OutputFormat[];
  /** A format was asked for by name that has words where they can be had; among all formats it takes what there is. */
  wantsWords: boolean;
  /** Recordings of voices that are to be known. */
  voices: VoiceFlags;
  /** Tell the language alone. */
  detectLanguage: boolean;
  /** Files at once; undefined: as many as suit the engine. */
  jobs?: number;
  transcriber: TranscriberOptions;
  transcribe: TranscribeOptions;
  format: FormatOptions;
}

export function settingsOf(flags: TranscribeFlags): Settings {
  const vadOptions: VadOptions = defined({
    threshold: flags.vadThreshold,
    negThreshold: flags.vadNegThreshold,
    minSpeechDuration: flags.vadMinSpeechDuration,
    minSilenceDuration: flags.vadMinSilenceDuration,
    speechPad: flags.vadSpeechPad,
    maxSpeechDuration: flags.vadMaxSpeechDuration,
  });
  const limits = limitsOf(flags);
  const format: FormatOptions = pick(flags, FORMAT_KEYS);
  const speakers = speakerOptions(flags);
  return {
    formats: formatsOf(flags.format, speakers.diarize !== undefined || flags.channels === "each"),
    voices: pick(flags, ["sellerVoice", "knownVoice"]),
    // WhisperX times every word.
    wantsWords: flags.format?.includes("whisperx") === true,
    detectLanguage: flags.detectLanguage === true,
    ...(flags.jobs !== undefined && { jobs: jobsOf(flags.jobs) }),
    format,
    transcriber: {
      ...pick(flags, TRANSCRIBER_KEYS),
      ...modelSource(flags),
    },
    transcribe: {
      ...pick(flags, TRANSCRIBE_KEYS),
      ...(flags.vadFilter !== undefined && { vadFilter: flags.vadFilter }),
      ...speakers,
      ...(Object.keys(vadOptions).length > 0 && { vadOptions }),
      ...(Object.keys(limits).length > 0 && { limits }),
    },
  };
}

/**
 * The settings with words where they are wanted and a transcriber times them.
 * @throws UsageError when words are to be highlighted that nobody times
 */
export function withWords<T extends Settings>(settings: T, info: TranscriberInfo): T {
  const { format, wantsWords, transcribe } = settings;
  if (format.highlightWords && !info.timesWords) {
    throw new UsageError(
      `--highlight-words needs the times of words, which ${info.implementation} does not tell`,
    );
  }
  if (!format.highlightWords && !(wantsWords && info.timesWords)) return settings;
  return { ...settings, transcribe: { ...transcribe, wordTimestamps: true } };
}

export function limitsOf({ maxBytes, maxDuration, decodeTimeout }: LimitFlags): Partial<AudioLimits> {
  return defined({ maxBytes, maxDuration, decodeTimeout });
}

/** @throws UsageError for turns that nobody is to tell apart; among all formats there are those that can be had */
function formatsOf(
  chosen: readonly Chosen<OutputFormat>[] = ["txt"],
  tellsApart: boolean,
): readonly OutputFormat[] {
  if (tellsApart) return allOr(OUTPUT_FORMATS, chosen);
  if (chosen.includes("rttm"))
    throw new UsageError("-f rttm tells who speaks when: it needs --diarize, or --channels each");
  return allOr(
    OUTPUT_FORMATS.filter((format) => format !== "rttm"),
    chosen,
  );
}

/** Any flag about speakers asks for them. */
export function speakerOptions(flags: SpeakerFlags): Pick<TranscribeOptions, "diarize" | "roles"> {
  const { diarizationEngine: engine, diarizationModel: model, sellerChannel, sellerVoice } = flags;
  const { numSpeakers, minSpeakers, maxSpeakers } = flags;
  const given = Object.entries({ engine, model, numSpeakers, minSpeakers, maxSpeakers }).filter(
    ([, value]) => value !== undefined,
  );
  const roles = flags.roles || sellerChannel !== undefined || sellerVoice !== undefined;
  if (!flags.diarize && given.length === 0 && !roles && flags.knownVoice === undefined) return {};
  return {
    diarize: given.length > 0 ? Object.fromEntries(given) : true,
    ...(roles && { roles: sellerChannel === undefined ? true : { sellerChannel } }),
  };
}

function jobsOf(jobs: number): number {
  if (jobs >= 1 && jobs <= MOST_JOBS) return jobs;
  throw new UsageError(`Expected a whole number from 1 to ${MOST_JOBS} for --jobs but received ${jobs}`);
}

/** Flags that were given and are about the text, its decoding, speakers or layout, but for the `others`. */
export function flagsOfText(flags: TranscribeFlags, others: readonly string[]): string[] {
  const ofText = [...TRANSCRIBE_KEYS, ...SPEAKER_KEYS, ...FORMAT_KEYS, "draftModel"];
  const given = flags as Readonly<Record<string, unknown>>;
  return ofText
    .filter((key) => !others.includes(key) && given[key] !== undefined)
    .flatMap((key) => {
      if (key !== "suppressBlank") return flagOf(key);
      // Commander sets what has a --no- before it.
      return given[key] === false ? "--no-suppress-blank" : [];
    });
}

/** The library's names of options in a message, as the flags that the user knows. */
export function nameFlags(message: string): string {
  let named = message;
  for (const [key, flag] of Object.entries(RENAMED)) named = named.replaceAll(key, flag);
  for (const key of [...TRANSCRIBER_KEYS, ...TRANSCRIBE_KEYS, ...FORMAT_KEYS]) {
    if (/[A-Z]/.test(key)) named = named.replaceAll(key, flagOf(key));
    // A name that is an ordinary word too is an option where the messages put one: after "for".
    else named = named.replaceAll(`for ${key} `, `for ${flagOf(key)} `);
  }
  return named;
}

function flagOf(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function pick(flags: TranscribeFlags, keys: readonly string[]): object {
  const picked = Object.entries(flags).filter(([key]) => keys.includes(key));
  return Object.fromEntries(picked.map(([key, value]) => [key, value === NONE ? null : value]));
}

function defined(values: Record<string, number | undefined>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).filter((entry) => entry[1] !== undefined)) as Record<
    string,
    number
  >;
}
