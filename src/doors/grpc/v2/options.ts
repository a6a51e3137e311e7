import {
  type DiarizationOptions,
  type RoleOptions,
  type SpeakerRole,
  type TranscribeOptions,
  type Transcriber,
  TranscriptionError,
} from "../../../index.js";
import type {
  ChannelSelection,
  Diarization,
  Roles,
  Threshold,
  TranscriptionOptions,
  VadOptions,
  Wrapped,
} from "./messages.js";
import { inRequest, OPTIONS } from "./request-errors.js";

export const TASKS = {
  TASK_UNSPECIFIED: undefined,
  TASK_TRANSCRIBE: "transcribe",
  TASK_TRANSLATE: "translate",
} as const;
const PRIORITIES = {
  PRIORITY_UNSPECIFIED: undefined,
  PRIORITY_INTERACTIVE: "interactive",
  PRIORITY_BULK: "bulk",
} as const;
const VAD_FILTERS = {
  VAD_FILTER_UNSPECIFIED: undefined,
  VAD_FILTER_AUTO: "auto",
  VAD_FILTER_ON: true,
  VAD_FILTER_OFF: false,
} as const;

/** Options that a request can have; the others are the server's own. */
type RequestOptions = Omit<TranscribeOptions, "signal" | "onSegment" | "onProgress">;

const DIARIZATION_ENGINES = {
  DIARIZATION_ENGINE_UNSPECIFIED: undefined,
  DIARIZATION_ENGINE_NEMOTRON: "nemotron",
  DIARIZATION_ENGINE_COMMUNITY: "community",
} as const;
const DIRECTIONS = {
  CALL_DIRECTION_UNSPECIFIED: undefined,
  CALL_DIRECTION_INBOUND: "inbound",
  CALL_DIRECTION_OUTBOUND: "outbound",
} as const;
const SPEAKER_ROLES: Readonly<Record<string, SpeakerRole | undefined>> = {
  SPEAKER_ROLE_UNSPECIFIED: undefined,
  SPEAKER_ROLE_SELLER: "seller",
  SPEAKER_ROLE_CLIENT: "client",
};

/**
 * The library's options for those of a request, as far as they can be told without its model: {@link checkOptions}.
 * @param maxDuration most seconds of audio that the server takes
 * @throws TranscriptionError INVALID_ARGUMENT that names the field
 */
export function toTranscribeOptions(
  message: TranscriptionOptions | null,
  maxDuration: number,
): TranscribeOptions {
  if (!message) return {};
  return withoutUndefined<RequestOptions>({
    language: languageOf(message),
    task: named("task", TASKS, message.task),
    beamSize: orDefault(message.beam_size),
    bestOf: orDefault(message.best_of),
    patience: orDefault(message.patience),
    lengthPenalty: unwrap(message.length_penalty),
    temperature: message.temperatures.length === 0 ? undefined : message.temperatures,
    compressionRatioThreshold: threshold("compression_ratio_threshold", message.compression_ratio_threshold),
    logProbThreshold: threshold("log_prob_threshold", message.log_prob_threshold),
    noSpeechThreshold: threshold("no_speech_threshold", message.no_speech_threshold),
    initialPrompt: message.initial_prompt,
    carryInitialPrompt: message.carry_initial_prompt,
    hotwords: message.hotwords,
    prefix: message.prefix,
    conditionOnPreviousText: message.condition_on_previous_text,
    suppressBlank: unwrap(message.suppress_blank),
    suppressTokens: message.suppress_tokens?.ids,
    suppressNumerals: message.suppress_numerals,
    withoutTimestamps: message.without_timestamps,
    wordTimestamps: message.word_timestamps,
    maxTokens: orDefault(message.max_tokens),
    vadFilter: named("vad_filter", VAD_FILTERS, message.vad_filter),
    vadOptions: message.vad_options ? vadOptions(message.vad_options) : undefined,
    chunkLength: orDefault(message.chunk_length),
    channels: message.channels ? channels(message.channels) : undefined,
    seed: message.seed,
    repetitionPenalty: orDefault(message.repetition_penalty),
    noRepeatNgramSize: message.no_repeat_ngram_size,
    hallucinationSilenceThreshold: orDefault(message.hallucination_silence_threshold),
    promptResetOnTemperature: unwrap(message.prompt_reset_on_temperature),
    multilingual: message.multilingual,
    languageDetectionThreshold: unwrap(message.language_detection_threshold),
    languageDetectionSegments: orDefault(message.language_detection_segments),
    clipTimestamps: message.clip_timestamps.length === 0 ? undefined : message.clip_timestamps,
    maxInitialTimestamp: unwrap(message.max_initial_timestamp),
    prependPunctuations: unwrap(message.prepend_punctuations),
    appendPunctuations: unwrap(message.append_punctuations),
    topK: unwrap(message.top_k),
    topP: orDefault(message.top_p),
    systemPrompt: message.system_prompt === "" ? undefined : message.system_prompt,
    userPrompt: message.user_prompt === "" ? undefined : message.user_prompt,
    track: unwrap(message.track),
    priority: named("priority", PRIORITIES, message.priority),
    diarize: message.diarize ? diarization(message.diarize) : undefined,
    roles: message.roles ? roles(message.roles) : undefined,
    timeout: orDefault(message.timeout),
    // What is no number comes out, so that it is refused; the server's own limit goes without saying.
    limits:
      message.max_duration === 0 || message.max_duration >= maxDuration
        ? undefined
        : { maxDuration: message.max_duration },
  });
}

/**
 * Refuses options that the model and its implementation do not take.
 * @throws TranscriptionError INVALID_ARGUMENT that names the field of the request
 */
export function checkOptions(options: TranscribeOptions, transcriber: Transcriber): void {
  try {
    transcriber.checkOptions(options);
  } catch (error) {
    throw inRequest(error);
  }
}

/** undefined is the server's own, which a recording in several languages is not in. */
function languageOf({ language, multilingual }: TranscriptionOptions): string | undefined {
  if (language !== "") return language;
  return multilingual ? "auto" : undefined;
}

function vadOptions(message: VadOptions): TranscribeOptions["vadOptions"] {
  return withoutUndefined<NonNullable<TranscribeOptions["vadOptions"]>>({
    threshold: orDefault(message.threshold),
    negThreshold: orDefault(message.neg_threshold),
    minSpeechDuration: unwrap(message.min_speech_duration),
    minSilenceDuration: unwrap(message.min_silence_duration),
    speechPad: unwrap(message.speech_pad),
    maxSpeechDuration: orDefault(message.max_speech_duration),
  });
}

function channels({ selection, each, index }: ChannelSelection): TranscribeOptions["channels"] {
  if (selection === "index") return index;
  return each ? "each" : undefined;
}

/** The model is the server's: a client names no files of it. @param prefix where the message's field stands */
export function diarization(message: Diarization, prefix = OPTIONS): DiarizationOptions {
  const known = Object.entries(message.known_voices).map(([name, { values }]) => [name, values] as const);
  return withoutUndefined<Omit<DiarizationOptions, "model" | "download">>({
    engine: named("diarize.engine", DIARIZATION_ENGINES, message.engine, prefix),
    numSpeakers: orDefault(message.num_speakers),
    minSpeakers: orDefault(message.min_speakers),
    maxSpeakers: orDefault(message.max_speakers),
    embeddings: message.embeddings,
    knownVoices: known.length === 0 ? undefined : Object.fromEntries(known),
  });
}

function roles({ seller_channel, direction, speakers, seller_voices }: Roles): RoleOptions {
  const given = Object.entries(speakers).flatMap(([id, name]) => {
    const role = named(`roles.speakers.${id}`, SPEAKER_ROLES, name);
    return role ? [[id, role] as const] : [];
  });
  return withoutUndefined<RoleOptions>({
    sellerChannel: unwrap(seller_channel),
    direction: named("roles.direction", DIRECTIONS, direction),
    speakers: given.length === 0 ? undefined : Object.fromEntries(given),
    sellerVoices: seller_voices.length === 0 ? undefined : seller_voices.map(({ values }) => values),
  });
}

/** null switches a threshold off. */
function threshold(field: string, given: Threshold | null): number | null | undefined {
  if (!given) return undefined;
  if (given.threshold === "value") return given.value;
  if (given.off) return null;
  throw wrongField(field, "a value, or off = true", "neither");
}

function named<T>(
  field: string,
  values: Readonly<Record<string, T>>,
  given: string | number,
  prefix = OPTIONS,
): T {
  if (Object.hasOwn(values, given)) return values[given] as T;
  throw wrongField(field, `one of ${Object.keys(values).slice(1).join(", ")}`, given, prefix);
}

function wrongField(
  field: string,
  expected: string,
  given: string | number,
  prefix = OPTIONS,
): TranscriptionError {
  const option = prefix + field;
  const message = `Expected ${expected} for ${option} but received ${given}`;
  return new TranscriptionError("INVALID_ARGUMENT", message, { option });
}

/** 0 is what a field holds that was left out. */
export function orDefault(value: number): number | undefined {
  return value === 0 ? undefined : value;
}

export function unwrap<T>(wrapped: Wrapped<T>): T | undefined {
  return wrapped?.value;
}

/** Every option has to be named, so that none is forgotten here. */
export function withoutUndefined<T extends object>(options: { [K in keyof T]-?: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}
