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
import { boolean, type Checks, checkOptions, integer, number, oneOf } from "./checks.js";
import { REQUEST_CHECKS, type ResolvedRequest, resolveRequest } from "./options.js";

/** Options of a live stream with every default filled in. */
export interface ResolvedLive {
  /** Hz, of what is written. */
  sampleRate: number;
  encoding: LiveEncoding;
  channels: number;
  /** Whether finals tell who speaks, by channel. */
  diarize: boolean;
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
  const diarize = given.diarize !== undefined && given.diarize !== false;
  if (diarize && (channels === 1 || Object.keys(Object(given.diarize)).length > 0)) {
    throw new TranscriptionError(
      "INVALID_ARGUMENT",
      "diarize tells speakers of a live stream apart by their channels alone: expected true, and at least two channels",
      { option: "diarize" },
    );
  }
  const { language, task, initialPrompt, hotwords, vadOptions, signal } = given;
  return {
    sampleRate: given.sampleRate ?? 16_000,
    encoding: given.encoding ?? "s16le",
    channels,
    diarize,
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

/** What the recording of a stream with these options is transcribed with, to have its text once more with all of its context. */
export function optionsOfRecording(
  { channels = 1, hotwords, initialPrompt, language, task, words }: LiveOptions,
  timesWords: boolean,
): Pick<
  TranscribeOptions,
  "channels" | "hotwords" | "initialPrompt" | "language" | "task" | "wordTimestamps"
> {
  return {
    ...(language !== undefined && { language }),
    ...(task !== undefined && { task }),
    ...(initialPrompt !== undefined && { initialPrompt }),
    ...(hotwords !== undefined && { hotwords }),
    wordTimestamps: words === true && timesWords,
    ...(channels > 1 && { channels: "each" as const }),
  };
}
