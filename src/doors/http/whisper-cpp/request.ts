import type { FormatOptions, Transcriber } from "../../../index.js";
import {
  fieldName,
  type OptionPath,
  optionPaths,
  type RequestOptions,
} from "../../../service/options/fields.js";
import * as kind from "../../../service/options/kinds.js";
import { wrongField } from "../../../service/options/read-options.js";
import { FieldSet } from "../forms/field-set.js";
import type { Form } from "../forms/form.js";
import { MODEL_FIELD } from "../forms/model.js";
import { unknownFields } from "../forms/unknown-fields.js";
import { formNames, inForm } from "../option-names.js";

export const FORMATS = ["json", "text", "srt", "verbose_json", "vtt"] as const;
export type Format = (typeof FORMATS)[number];

/** Most milliseconds of a place in a recording: 10 000 hours. */
const LONGEST = 36_000_000_000;

/** Fields of whisper.cpp's server that the library's options have other names or units for. */
const OWN = {
  model: MODEL_FIELD,
  response_format: { kind: kind.choice(FORMATS), is: "What the answer is. Default json." },
  translate: { kind: kind.flag, is: "Write English." },
  prompt: { kind: kind.text, is: "As initial_prompt." },
  temperature: { kind: kind.number, is: "The temperature to begin with, 0 to 2. Default 0." },
  temperature_inc: {
    kind: kind.number,
    is: "By how much more to try again where the text is no good, up to 1; 0: never. Default 0.2.",
  },
  beam_size: { kind: kind.integer, is: "Beams kept by beam search; 1 and less is greedy." },
  offset_t: { kind: kind.milliseconds(LONGEST), is: "Where to begin, in milliseconds." },
  duration: { kind: kind.milliseconds(LONGEST), is: "How much to transcribe, in milliseconds; 0: all." },
  max_len: { kind: kind.integer, is: "srt, vtt: characters of a subtitle; 0: as many as there are." },
  no_timestamps: { kind: kind.flag, is: "No times of segments." },
  token_timestamps: {
    kind: kind.flag,
    is: "verbose_json: times of words. Default: where the model tells them.",
  },
  detect_language: { kind: kind.flag, is: "As language=auto." },
  suppress_nst: { kind: kind.flag, is: "Suppress non-speech symbols. Default true, here." },
  suppress_non_speech: { kind: kind.flag, is: "As suppress_nst." },
  no_speech_thold: { kind: kind.number, is: "As no_speech_threshold." },
  logprob_thold: { kind: kind.number, is: "As log_prob_threshold." },
  no_language_probabilities: { kind: kind.flag, is: "verbose_json: without language_probabilities." },
  vad: { kind: kind.flag, is: "As vad_filter." },
  vad_min_speech_duration_ms: { kind: kind.milliseconds(30_000), is: "Shorter speech is left out." },
  vad_min_silence_duration_ms: { kind: kind.milliseconds(30_000), is: "Shorter pauses do not end speech." },
  vad_max_speech_duration_s: { kind: kind.number, is: "Longer speech is parted." },
  vad_speech_pad_ms: { kind: kind.milliseconds(5000), is: "Added around speech." },
} as const;

/** What nothing follows from: the engine is another one. */
const OTHERS = [
  "offset_n",
  "max_context",
  "audio_ctx",
  "word_thold",
  "entropy_thold",
  "debug_mode",
  "tinydiarize",
  "split_on_word",
  "vad_samples_overlap",
];

const PATHS = optionPaths().filter((path) => !Object.hasOwn(OWN, fieldName(path)));

export const FIELDS = new FieldSet(PATHS, OWN, OTHERS);

/** What its fields are called, where errors are about the library's. */
export const NAMES = formNames({
  clipTimestamps: "offset_t",
  noSpeechThreshold: "no_speech_thold",
  logProbThreshold: "logprob_thold",
  beamSize: "beam_size",
  "vadOptions.maxSpeechDuration": "vad_max_speech_duration_s",
  "vadOptions.speechPad": "vad_speech_pad_ms",
} satisfies Partial<Record<OptionPath, string>>);

/** What a form of whisper.cpp's server asks for. */
export interface Asked {
  format: Format;
  /** Of the library, checked. */
  options: RequestOptions;
  layout: FormatOptions;
  hasTimes: boolean;
  hasLanguages: boolean;
  /** Fields that are not known here. */
  unknown: readonly string[];
}

/** @throws Refusal, TranscriptionError INVALID_ARGUMENT that name the field */
export function readRequest({ names, texts }: Form, transcriber: Transcriber): Asked {
  const unknown = unknownFields(names, ["file", ...FIELDS.names]);
  const read = <Name extends keyof typeof OWN>(name: Name) => FIELDS.read(name, texts);
  const format: Format = read("response_format") ?? "json";
  const hasTimes = !(read("no_timestamps") ?? false);
  const likesWords = format === "verbose_json" && hasTimes && transcriber.info.timesWords;
  const [prompt, beamSize, most] = [read("prompt"), read("beam_size"), read("max_len") ?? 0];
  const [noSpeech, logProb] = [read("no_speech_thold"), read("logprob_thold")];
  const suppress = read("suppress_nst") ?? read("suppress_non_speech");
  const vadFilter = read("vad");
  const given = FIELDS.options(texts);
  const options: RequestOptions = {
    ...((read("token_timestamps") ?? likesWords) && { wordTimestamps: true }),
    ...(read("translate") && { task: "translate" }),
    ...(prompt !== undefined && { initialPrompt: prompt }),
    ...(beamSize !== undefined && { beamSize: Math.max(1, beamSize) }),
    ...(noSpeech !== undefined && { noSpeechThreshold: noSpeech }),
    ...(logProb !== undefined && { logProbThreshold: logProb }),
    ...(suppress === false && { suppressTokens: [] }),
    ...(vadFilter !== undefined && { vadFilter }),
    ...(!hasTimes && { withoutTimestamps: true }),
    ...temperatures(read("temperature"), read("temperature_inc")),
    ...clips(read("offset_t") ?? 0, read("duration") ?? 0),
    ...given,
    ...(read("detect_language") && { language: "auto" }),
    vadOptions: {
      ...seconds("minSpeechDuration", read("vad_min_speech_duration_ms")),
      ...seconds("minSilenceDuration", read("vad_min_silence_duration_ms")),
      ...seconds("speechPad", read("vad_speech_pad_ms")),
      ...seconds("maxSpeechDuration", thousandfold(read("vad_max_speech_duration_s"))),
      ...given.vadOptions,
    },
  };
  inForm(() => transcriber.checkOptions(options), undefined, NAMES);
  const layout = most > 0 ? { maxLineWidth: most, maxLineCount: 1 } : {};
  return {
    format,
    options,
    layout,
    hasTimes,
    hasLanguages: !(read("no_language_probabilities") ?? false),
    unknown,
  };
}

/** The temperatures to try in turn. @throws TranscriptionError INVALID_ARGUMENT */
function temperatures(first = 0, step?: number): RequestOptions {
  if (first === 0 && step === undefined) return {};
  const by = step ?? 0.2;
  if (by < 0) throw wrongField("temperature_inc", "0 or more", String(by));
  const found = [first];
  // As its loop does, which allows for what 0.2 is not.
  if (by > 0) for (let next = first + by; next < 1 + 1e-6 && found.length < 20; next += by) found.push(next);
  if (found.length === 1) return { temperature: first };
  return { temperature: found.map((value) => Number(value.toFixed(6))) };
}

function clips(offset: number, duration: number): RequestOptions {
  if (offset === 0 && duration === 0) return {};
  return { clipTimestamps: [offset / 1000, ...(duration > 0 ? [(offset + duration) / 1000] : [])] };
}

function thousandfold(value: number | undefined): number | undefined {
  return value === undefined ? undefined : value * 1000;
}

function seconds(option: string, milliseconds: number | undefined): Record<string, number> {
  return milliseconds === undefined ? {} : { [option]: milliseconds / 1000 };
}
