import { invalidArgument, TranscriptionError } from "../errors.js";
import {
  LIVE_ENCODINGS,
  LIVE_POLICIES,
  type LiveEncoding,
  type LiveOptions,
  type LivePolicy,
  type LiveRecordingTarget,
} from "../types/live.js";
import type { TranscribeOptions } from "../types/options.js";
import type { DiarizationOptions } from "../types/speakers.js";
import { boolean, type Checks, checkOptions, integer, number, oneOf } from "./checks.js";
import { type ResolvedDiarization, resolveDiarization } from "./diarization.js";
import { REQUEST_CHECKS, type ResolvedRequest, resolveRequest } from "./options.js";

/** Options of a live stream with every default filled in. */
export interface ResolvedLive {
  /** Hz, of what is written. */
  sampleRate: number;
  encoding: LiveEncoding;
  channels: number;
  /** How finals tell who speaks: each channel is one speaker, or a model tells those of a channel apart. Undefined: they do not. */
  diarize: "channels" | ResolvedDiarization | undefined;
  interim: boolean;
  words: boolean;
  /** Silence that ends an utterance, in seconds. */
  endpoint: number;
  policy: LivePolicy;
  /** Seconds of audio between passes. */
  step: number;
  /** Path of a recording, or what takes its bytes. */
  record: string | LiveRecordingTarget | undefined;
  signal: AbortSignal | undefined;
  /** What every window of the stream has in common with those of recordings. */
  request: ResolvedRequest;
}

/** Shorter sounds are no speech, in seconds: clicks, which VAD models hear much of. */
const LEAST_SPEECH = 0.1;

const LIVE_CHECKS: Checks<LiveOptions> = {
  sampleRate: integer(8_000, 192_000),
  encoding: oneOf(...LIVE_ENCODINGS),
  channels: integer(1, 8),
  language: REQUEST_CHECKS.language,
  task: REQUEST_CHECKS.task,
  interim: boolean,
  words: boolean,
  endpointMs: number(200, 5_000),
  policy: oneOf(...LIVE_POLICIES),
  step: number(0.2, 5),
  initialPrompt: REQUEST_CHECKS.initialPrompt,
  hotwords: REQUEST_CHECKS.hotwords,
  diarize: REQUEST_CHECKS.diarize,
  vadOptions: (name, value) => {
    const { threshold, negThreshold, minSpeechDuration } = REQUEST_CHECKS.vadOptions(name, value);
    for (const key of Object.keys(value as object)) {
      if (!["threshold", "negThreshold", "minSpeechDuration"].includes(key)) {
        throw invalidArgument(
          `${name}.${key}`,
          "no value: endpointMs and the model part live speech, which has threshold, negThreshold and minSpeechDuration",
          (value as Record<string, unknown>)[key],
        );
      }
    }
    return {
      ...(threshold !== undefined && { threshold }),
      ...(negThreshold !== undefined && { negThreshold }),
      ...(minSpeechDuration !== undefined && { minSpeechDuration }),
    };
  },
  record: (name, value) => {
    if (typeof value === "string" && value !== "") return value;
    const { write, close } = Object(value) as Partial<LiveRecordingTarget>;
    if (typeof write === "function" && typeof close === "function") return value as LiveRecordingTarget;
    throw invalidArgument(name, "the path of a file, or an object with write and close", value);
  },
  signal: REQUEST_CHECKS.signal,
};

/** Checks the options of a live stream and fills in defaults. @throws TranscriptionError INVALID_ARGUMENT */
export function resolveLive(options: unknown): ResolvedLive {
  const given = checkOptions("options", options, LIVE_CHECKS);
  const channels = given.channels ?? 1;
  const { language, task, initialPrompt, hotwords, vadOptions, signal } = given;
  return {
    sampleRate: given.sampleRate ?? 16_000,
    encoding: given.encoding ?? "s16le",
    channels,
    diarize: speakersOf(given.diarize, channels),
    interim: given.interim ?? true,
    words: given.words ?? false,
    endpoint: (given.endpointMs ?? 500) / 1000,
    policy: given.policy ?? "auto",
    step: given.step ?? 1,
    record: given.record,
    signal,
    request: resolveRequest({
      language,
      task,
      initialPrompt,
      hotwords,
      vadOptions: { minSpeechDuration: LEAST_SPEECH, ...vadOptions },
    }),
  };
}

/** Options of diarization that are known of a recording when all of it is, and what they are there. */
const AT_THE_END = {
  minSpeakers: "least number of speakers",
  embeddings: "vectors of voices",
  knownVoices: "known voices",
} as const;

/** @throws TranscriptionError INVALID_ARGUMENT for what is not known while somebody speaks */
function speakersOf(given: LiveOptions["diarize"], channels: number): ResolvedLive["diarize"] {
  const resolved = resolveDiarization(given);
  if (!resolved) return undefined;
  const asked: DiarizationOptions = given === true ? {} : (given as DiarizationOptions);
  const late = (Object.keys(AT_THE_END) as (keyof typeof AT_THE_END)[]).find(
    (name) => asked[name] !== undefined && asked[name] !== false,
  );
  if (late) throw notWhileSpoken(`${AT_THE_END[late]} (diarize.${late})`, `diarize.${late}`);
  if (asked.engine === "community")
    throw notWhileSpoken("community engine (diarize.engine)", "diarize.engine");
  const { engine, maxSpeakers, model, numSpeakers } = asked;
  const isWithin = [engine, maxSpeakers, model, numSpeakers].some((value) => value !== undefined);
  if (channels > 1 && !isWithin) return "channels";
  // Whatever engine the environment's model is for.
  return { ...resolved, engine: engine ?? (model === undefined ? "nemotron" : undefined) };
}

/** What has to hear a recording to its end. @param what of diarization */
export function notWhileSpoken(what: string, option: string): TranscriptionError {
  return new TranscriptionError(
    "INVALID_ARGUMENT",
    `Expected no ${what} of a live stream, for that takes all of a recording: keep the stream (record) and transcribe ` +
      "its recording, or have the nemotron engine tell speakers apart while they speak",
    { option },
  );
}

/** What the recording of a stream with these options is transcribed with, to have its text once more with all of its context. */
export function optionsOfRecording(
  { channels = 1, diarize, hotwords, initialPrompt, language, task, words }: LiveOptions,
  timesWords: boolean,
): Pick<
  TranscribeOptions,
  "channels" | "diarize" | "hotwords" | "initialPrompt" | "language" | "task" | "wordTimestamps"
> {
  return {
    ...(language !== undefined && { language }),
    ...(task !== undefined && { task }),
    ...(initialPrompt !== undefined && { initialPrompt }),
    ...(hotwords !== undefined && { hotwords }),
    ...(diarize !== undefined && diarize !== false && { diarize }),
    wordTimestamps: words === true && timesWords,
    ...(channels > 1 && { channels: "each" as const }),
  };
}
