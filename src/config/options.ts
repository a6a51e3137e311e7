import { invalidArgument, TranscriptionError } from "../errors.js";
import type { AudioLimits, ChannelSelection } from "../types/audio.js";
import { DEVICES, PRIORITIES, TASKS } from "../types/choices.js";
import type { TranscribeOptions, TranscriberOptions, VadOptions } from "../types/options.js";
import type { RoleOptions } from "../types/speakers.js";
import type { DetectLanguageOptions } from "../types/transcriber.js";
import {
  abortSignal,
  boolean,
  type Check,
  type Checks,
  callback,
  checkOptions,
  integer,
  listOf,
  nullable,
  number,
  oneOf,
  positive,
  text,
} from "./checks.js";
import { computeType } from "./compute-type.js";
import { diarize, type ResolvedDiarization, resolveDiarization, resolveRoles, roles } from "./diarization.js";
import { GENERATION_CHECKS, resolveGeneration } from "./generation.js";
import { LANGUAGE_EXPECTED, parseLanguage, suggestLanguage } from "./language-names.js";
import { DEFAULT_AUDIO_LIMITS, MAX_CHANNELS } from "./limits.js";
import { type GeneralWindowOptions, WINDOW_DEFAULTS } from "./window-defaults.js";

/** What settles the language of a recording. */
export interface DetectionRules {
  /** Probability from which a window is sure. */
  threshold: number;
  /** Windows that are heard at most. */
  segments: number;
}

export const DEFAULT_DETECTION: DetectionRules = { threshold: 0.5, segments: 4 };

/** A stretch of a recording in seconds; `end` may be infinite. */
export interface Clip {
  start: number;
  end: number;
}

/** Options of one request with every default filled in and every spelling made one. */
export interface ResolvedRequest {
  /** Code; undefined: detect it. */
  language: string | undefined;
  /** When a language counts as detected. */
  detection: DetectionRules;
  /** Every window in a language of its own. */
  multilingual: boolean;
  window: GeneralWindowOptions;
  /** Undefined: what the model allows. */
  maxTokens: number | undefined;
  conditionOnPreviousText: boolean;
  /** Every window is given the initial prompt, not the first one alone. */
  carryInitialPrompt: boolean;
  /** Text decoded above this temperature is no context for what follows. */
  promptResetOnTemperature: number;
  /** Stretches to transcribe, in order; undefined: everything. */
  clips: readonly Clip[] | undefined;
  vadFilter: boolean | "auto";
  vadOptions: Required<VadOptions>;
  /** Seconds. */
  chunkLength: number;
  channels: ChannelSelection;
  /** Undefined: speakers are not told apart. */
  diarize: ResolvedDiarization | undefined;
  roles: RoleOptions | undefined;
  /** Of several audio tracks; undefined: the one to hear. */
  track: number | undefined;
  limits: AudioLimits;
  /** Seconds. */
  timeout: number | undefined;
  signal: AbortSignal | undefined;
  onSegment: TranscribeOptions["onSegment"];
  onProgress: TranscribeOptions["onProgress"];
}

/** Seconds in a week: no timer of Node.js runs longer than 24 days. */
const WEEK = 7 * 24 * 60 * 60;
const MAX_PROMPT_LENGTH = 100_000;
/** Above the number of tokens of any model. */
const MAX_TOKEN_ID = 100_000;
/** Stands for all non-speech symbols in `suppressTokens`, as in openai-whisper. */
const NON_SPEECH_TOKENS = -1;

/** Code, or "auto". */
const language: Check<string> = (name, value) => {
  if (typeof value !== "string") throw invalidArgument(name, LANGUAGE_EXPECTED, value);
  const code = parseLanguage(value);
  if (code) return code;
  if (value.trim() === "") {
    const message = `Expected ${LANGUAGE_EXPECTED} for ${name} but it is empty`;
    throw new TranscriptionError("INVALID_ARGUMENT", message, { option: name });
  }
  const meant = suggestLanguage(value);
  throw invalidArgument(name, LANGUAGE_EXPECTED + (meant ? ` (did you mean "${meant}"?)` : ""), value);
};

const temperature: Check<number | readonly number[]> = (name, value) =>
  Array.isArray(value) ? listOf(number(0, 2), 1, 20)(name, value) : number(0, 2)(name, value);

const hotwords: Check<string | readonly string[]> = (name, value) =>
  Array.isArray(value) ? listOf(text(1, 200), 0, 1000)(name, value) : text(0, MAX_PROMPT_LENGTH)(name, value);

const clipTimestamps: Check<readonly number[]> = (name, value) => {
  const times = listOf(number(0, 10_000 * 60 * 60), 1, 100_000)(name, value);
  const falling = times.findIndex(
    (time, i) => i > 0 && time <= times[i - 1]! && !(i % 2 === 0 && time === times[i - 1]),
  );
  if (falling < 0) return times;
  throw invalidArgument(`${name}[${falling}]`, `a time after ${times[falling - 1]}`, times[falling]);
};

const channels: Check<ChannelSelection> = (name, value) => {
  if (value === "mix" || value === "each") return value;
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) < MAX_CHANNELS)
    return value as number;
  throw invalidArgument(name, `"mix", "each" or the index of a channel, 0 to ${MAX_CHANNELS - 1}`, value);
};

/** Of what is asked about a recording as a whole. */
export const oneTrack: Check<Exclude<ChannelSelection, "each">> = (name, value) => {
  if (value === "each") throw invalidArgument(name, '"mix" or the index of a channel', value);
  return channels(name, value) as Exclude<ChannelSelection, "each">;
};

export const VAD_CHECKS: Checks<VadOptions> = {
  threshold: number(0.01, 1),
  negThreshold: number(0, 1),
  minSpeechDuration: number(0, 30),
  minSilenceDuration: number(0, 30),
  speechPad: number(0, 5),
  maxSpeechDuration: (name, value) =>
    value === Number.POSITIVE_INFINITY ? value : positive(10_000 * 60 * 60)(name, value),
};

const LIMIT_CHECKS: Checks<AudioLimits> = {
  maxBytes: integer(1, Number.MAX_SAFE_INTEGER),
  maxDuration: positive(10_000 * 60 * 60),
  decodeTimeout: positive(WEEK),
};

const limits: Check<Partial<AudioLimits>> = (name, value) =>
  checkOptions(name, value, LIMIT_CHECKS, `${name}.`);

export const REQUEST_CHECKS: Checks<TranscribeOptions> = {
  language,
  task: oneOf(...TASKS),
  beamSize: integer(1, 8),
  bestOf: integer(1, 8),
  patience: positive(100),
  lengthPenalty: number(0, 10),
  temperature,
  compressionRatioThreshold: nullable(number(0, 1000)),
  logProbThreshold: nullable(number(-1000, 0)),
  noSpeechThreshold: nullable(number(0, 1)),
  initialPrompt: text(0, MAX_PROMPT_LENGTH),
  hotwords,
  prefix: text(0, MAX_PROMPT_LENGTH),
  conditionOnPreviousText: boolean,
  carryInitialPrompt: boolean,
  promptResetOnTemperature: number(0, 2),
  repetitionPenalty: number(0.01, 100),
  noRepeatNgramSize: integer(0, 448),
  hallucinationSilenceThreshold: nullable(positive(30)),
  maxInitialTimestamp: number(0, 30),
  multilingual: boolean,
  languageDetectionThreshold: number(0, 1),
  languageDetectionSegments: integer(1, 1000),
  clipTimestamps,
  suppressBlank: boolean,
  suppressTokens: listOf(integer(NON_SPEECH_TOKENS, MAX_TOKEN_ID), 0, MAX_TOKEN_ID),
  suppressNumerals: boolean,
  withoutTimestamps: boolean,
  wordTimestamps: boolean,
  prependPunctuations: text(0, 1000),
  appendPunctuations: text(0, 1000),
  maxTokens: integer(1, 448),
  vadFilter: oneOf<boolean | "auto">(true, false, "auto"),
  vadOptions: (name, value) => checkOptions(name, value, VAD_CHECKS, `${name}.`),
  chunkLength: number(1, 30),
  channels,
  diarize,
  roles,
  track: integer(0, 999),
  seed: integer(0, 2 ** 31 - 1),
  ...GENERATION_CHECKS,
  limits,
  timeout: positive(WEEK),
  priority: oneOf(...PRIORITIES),
  signal: abortSignal,
  onSegment: callback(),
  onProgress: callback(),
};

const DETECTION_CHECKS: Checks<DetectLanguageOptions> = {
  languageDetectionThreshold: REQUEST_CHECKS.languageDetectionThreshold,
  languageDetectionSegments: REQUEST_CHECKS.languageDetectionSegments,
  clipTimestamps: REQUEST_CHECKS.clipTimestamps,
  vadFilter: REQUEST_CHECKS.vadFilter,
  vadOptions: REQUEST_CHECKS.vadOptions,
  chunkLength: REQUEST_CHECKS.chunkLength,
  track: REQUEST_CHECKS.track,
  limits: REQUEST_CHECKS.limits,
  timeout: REQUEST_CHECKS.timeout,
  priority: REQUEST_CHECKS.priority,
  signal: REQUEST_CHECKS.signal,
  channels: oneTrack,
};

/** Options of a request that the detection of its language has a use for. */
export const DETECTION_OPTIONS = Object.keys(DETECTION_CHECKS) as readonly (keyof DetectLanguageOptions)[];

export const TRANSCRIBER_CHECKS: Checks<TranscriberOptions> = {
  model: text(1, 4096),
  implementation: text(1, 100),
  device: oneOf(...DEVICES),
  batchSize: integer(1, 256),
  threads: integer(1, 256),
  computeType,
  draftModel: text(1, 4096),
  cpuVariant: text(1, 100),
  vadModel: nullable(text(1, 4096)),
  download: boolean,
  cacheDir: text(1, 4096),
  onDownload: callback(),
  signal: abortSignal,
  maxQueue: integer(1, 1_000_000),
  limits,
};

/**
 * Checks the options of a request and fills in defaults.
 * @param defaultLimits limits that `options.limits` is laid over
 * @throws TranscriptionError INVALID_ARGUMENT
 */
export function resolveRequest(options: unknown, defaultLimits: Partial<AudioLimits> = {}): ResolvedRequest {
  const given = checkOptions("options", options, REQUEST_CHECKS);
  const language = given.language === "auto" ? undefined : given.language;
  if (given.multilingual && language !== undefined) {
    throw invalidArgument(
      "language",
      '"auto" with multilingual, which detects it for each window',
      given.language,
    );
  }
  return {
    language,
    detection: {
      threshold: given.languageDetectionThreshold ?? DEFAULT_DETECTION.threshold,
      segments: given.languageDetectionSegments ?? DEFAULT_DETECTION.segments,
    },
    multilingual: given.multilingual ?? false,
    window: resolveWindow(given),
    maxTokens: given.maxTokens,
    conditionOnPreviousText: given.conditionOnPreviousText ?? false,
    carryInitialPrompt: given.carryInitialPrompt ?? false,
    promptResetOnTemperature: given.promptResetOnTemperature ?? 0.5,
    clips: given.clipTimestamps && clipsOf(given.clipTimestamps),
    vadFilter: given.vadFilter ?? "auto",
    vadOptions: resolveVadOptions(given.vadOptions ?? {}),
    chunkLength: given.chunkLength ?? 30,
    channels: given.channels ?? "mix",
    diarize: resolveDiarization(given.diarize),
    roles: resolveRoles(given.roles),
    track: given.track,
    limits: { ...DEFAULT_AUDIO_LIMITS, ...defaultLimits, ...given.limits },
    timeout: given.timeout,
    signal: given.signal,
    onSegment: given.onSegment,
    onProgress: given.onProgress,
  };
}

/**
 * Checks the options of a detection and fills in defaults.
 * @param defaultLimits limits that `options.limits` is laid over
 * @throws TranscriptionError INVALID_ARGUMENT, also for options that concern the text alone
 */
export function resolveDetection(options: object, defaultLimits?: Partial<AudioLimits>): ResolvedRequest {
  refuseOthers(options, DETECTION_CHECKS, "detecting a language");
  return resolveRequest(checkOptions("options", options, DETECTION_CHECKS), defaultLimits);
}

/**
 * Refuses options of transcriptions that are none of those that `checks` has.
 * @param use what has no use for them
 * @throws TranscriptionError INVALID_ARGUMENT that names the option
 */
export function refuseOthers(options: object, checks: object, use: string): void {
  const other = Object.entries(options).find(
    ([key, value]) =>
      value !== undefined && Object.hasOwn(REQUEST_CHECKS, key) && !Object.hasOwn(checks, key),
  );
  if (!other) return;
  const [option] = other;
  const message = `${option} is for transcriptions: ${use} has no use for it`;
  throw new TranscriptionError("INVALID_ARGUMENT", message, { option });
}

/** Checks the options of a transcriber. @throws TranscriptionError INVALID_ARGUMENT */
export function resolveTranscriberOptions(options: unknown): Partial<TranscriberOptions> {
  return checkOptions("options", options, TRANSCRIBER_CHECKS);
}

/**
 * Tells the options of a one-shot transcription apart: those of the transcriber and those of the request. `limits`
 * goes to the request. @throws TranscriptionError INVALID_ARGUMENT for an option that neither has
 */
export function splitOptions(options: unknown): {
  transcriber: TranscriberOptions;
  request: TranscribeOptions;
} {
  const checked = checkOptions<TranscribeOptions & TranscriberOptions>("options", options, {
    ...TRANSCRIBER_CHECKS,
    ...REQUEST_CHECKS,
  });
  const transcriber: Record<string, unknown> = {};
  const request: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(checked)) {
    (Object.hasOwn(REQUEST_CHECKS, key) ? request : transcriber)[key] = value;
  }
  return { transcriber, request };
}

function resolveWindow(given: Partial<TranscribeOptions>): GeneralWindowOptions {
  const { temperature = WINDOW_DEFAULTS.temperatures, suppressTokens = [NON_SPEECH_TOKENS] } = given;
  const { hotwords = "", initialPrompt = "", prefix = "" } = given;
  const named = Object.entries(given).filter(([key]) => Object.hasOwn(WINDOW_DEFAULTS, key));
  return {
    ...WINDOW_DEFAULTS,
    ...Object.fromEntries(named),
    temperatures: typeof temperature === "number" ? [temperature] : temperature,
    hotwords: (typeof hotwords === "string" ? hotwords : hotwords.join(", ")).trim(),
    initialPrompt: initialPrompt.trim(),
    prefix: prefix.trim(),
    suppressTokens: suppressTokens.filter((token) => token !== NON_SPEECH_TOKENS),
    suppressNonSpeech: suppressTokens.includes(NON_SPEECH_TOKENS),
    generation: resolveGeneration(given),
  };
}

/** Starts and ends in turn; without a last end, to the end of the recording. */
function clipsOf(times: readonly number[]): Clip[] {
  const starts = times.filter((_, i) => i % 2 === 0);
  return starts.map((start, i) => ({ start, end: times[2 * i + 1] ?? Number.POSITIVE_INFINITY }));
}

/** faster-whisper's (1.2.1). */
export const DEFAULT_VAD_OPTIONS: Required<VadOptions> = {
  threshold: 0.5,
  negThreshold: 0.35,
  minSpeechDuration: 0,
  minSilenceDuration: 2,
  speechPad: 0.4,
  maxSpeechDuration: Number.POSITIVE_INFINITY,
};

/** Seconds that are left of the longest stretch of speech without its pads. */
const LEAST_SPEECH = 0.1;

/** @param parent what messages put before the names of options @throws TranscriptionError INVALID_ARGUMENT */
export function resolveVadOptions(given: VadOptions, parent = "vadOptions."): Required<VadOptions> {
  const threshold = given.threshold ?? DEFAULT_VAD_OPTIONS.threshold;
  const negThreshold = given.negThreshold ?? Math.max(threshold - 0.15, 0.01);
  if (negThreshold > threshold) {
    throw new TranscriptionError(
      "INVALID_ARGUMENT",
      `Expected ${parent}negThreshold to be at most ${parent}threshold (${threshold}) but received ${negThreshold}`,
      { option: `${parent}negThreshold` },
    );
  }
  const speechPad = given.speechPad ?? DEFAULT_VAD_OPTIONS.speechPad;
  const maxSpeechDuration = given.maxSpeechDuration ?? DEFAULT_VAD_OPTIONS.maxSpeechDuration;
  if (maxSpeechDuration <= 2 * speechPad + LEAST_SPEECH) {
    throw invalidArgument(
      `${parent}maxSpeechDuration`,
      `more than ${LEAST_SPEECH} seconds beside the ${parent}speechPad of ${speechPad} on both sides`,
      maxSpeechDuration,
    );
  }
  return {
    threshold,
    negThreshold,
    minSpeechDuration: given.minSpeechDuration ?? DEFAULT_VAD_OPTIONS.minSpeechDuration,
    minSilenceDuration: given.minSilenceDuration ?? DEFAULT_VAD_OPTIONS.minSilenceDuration,
    speechPad,
    maxSpeechDuration,
  };
}
