import { type LiveOptions, TranscriptionError } from "../../../index.js";
import type { LiveConfig, VadOptions } from "./messages.js";
import { diarization, orDefault, TASKS, unwrap, withoutUndefined } from "./options.js";

const ENCODINGS = {
  LIVE_ENCODING_UNSPECIFIED: undefined,
  LIVE_ENCODING_S16LE: "s16le",
  LIVE_ENCODING_S16BE: "s16be",
  LIVE_ENCODING_F32LE: "f32le",
  LIVE_ENCODING_U8: "u8",
  LIVE_ENCODING_MULAW: "mulaw",
  LIVE_ENCODING_ALAW: "alaw",
} as const;
const POLICIES = {
  LIVE_POLICY_UNSPECIFIED: undefined,
  LIVE_POLICY_AUTO: "auto",
  LIVE_POLICY_ALIGN_ATT: "alignatt",
  LIVE_POLICY_LOCAL_AGREEMENT: "local-agreement",
} as const;

/**
 * The library's options for a configuration.
 * @throws TranscriptionError INVALID_ARGUMENT that names a field with a value that the contract does not have
 */
export function toLiveOptions(message: LiveConfig): Omit<LiveOptions, "record" | "signal"> {
  return withoutUndefined<Omit<LiveOptions, "record" | "signal">>({
    sampleRate: orDefault(message.sample_rate),
    encoding: named("encoding", ENCODINGS, message.encoding),
    channels: orDefault(message.channels),
    language: message.language === "" ? undefined : message.language,
    task: named("task", TASKS, message.task),
    interim: unwrap(message.interim),
    words: message.words,
    endpointMs: orDefault(message.endpoint_ms),
    policy: named("policy", POLICIES, message.policy),
    step: orDefault(message.step),
    initialPrompt: message.initial_prompt === "" ? undefined : message.initial_prompt,
    hotwords: message.hotwords.length === 0 ? undefined : message.hotwords,
    diarize: message.diarize === null ? undefined : diarization(message.diarize, "config."),
    vadOptions: message.vad_options ? vadOptions(message.vad_options) : undefined,
  });
}

function vadOptions(message: VadOptions): NonNullable<LiveOptions["vadOptions"]> {
  const { min_silence_duration, speech_pad, max_speech_duration } = message;
  if (min_silence_duration || speech_pad || max_speech_duration !== 0) {
    const expected = "threshold, neg_threshold and min_speech_duration alone";
    throw wrongField("vad_options", `${expected} of a live stream, whose pauses endpoint_ms ends,`, "others");
  }
  return withoutUndefined<NonNullable<LiveOptions["vadOptions"]>>({
    threshold: orDefault(message.threshold),
    negThreshold: orDefault(message.neg_threshold),
    minSpeechDuration: unwrap(message.min_speech_duration),
  });
}

function named<T>(field: string, values: Readonly<Record<string, T>>, given: string | number): T {
  if (Object.hasOwn(values, given)) return values[given] as T;
  throw wrongField(field, `one of ${Object.keys(values).slice(1).join(", ")}`, given);
}

function wrongField(field: string, expected: string, given: string | number): TranscriptionError {
  const option = `config.${field}`;
  const message = `Expected ${expected} for ${option} but received ${given}`;
  return new TranscriptionError("INVALID_ARGUMENT", message, { option });
}
