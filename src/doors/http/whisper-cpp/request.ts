import type { FormatOptions, Transcriber } from "../../../index.js";
import { fieldName, optionPaths, type RequestOptions } from "../../../service/options/fields.js";
import * as kind from "../../../service/options/kinds.js";
import { wrongField } from "../../../service/options/read-options.js";
import type { OptionNames } from "../../../service/options/request-errors.js";
import { FieldSet } from "../forms/field-set.js";
import type { Form } from "../forms/form.js";
import { given } from "../forms/given.js";
import { MODEL_FIELD } from "../forms/model.js";
import { type Aliases, aliasNames, inForm } from "../option-names.js";
import { IN_MILLISECONDS } from "../shared-fields.js";

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
  vad_min_speech_duration_ms: { kind: IN_MILLISECONDS.minSpeechDuration, is: "Shorter speech is left out." },
  vad_min_silence_duration_ms: {
    kind: IN_MILLISECONDS.minSilenceDuration,
    is: "Shorter pauses do not end speech.",
  },
  vad_max_speech_duration_s: { kind: kind.number, is: "Longer speech is parted." },
  vad_speech_pad_ms: { kind: IN_MILLISECONDS.speechPad, is: "Added around speech." },
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

/** Which of its fields set options of the library that were not given by themselves. */
const ALIASES: Aliases = {
  task: "translate",
  initialPrompt: "prompt",
  clipTimestamps: "offset_t",
  noSpeechThreshold: "no_speech_thold",
  logProbThreshold: "logprob_thold",
  wordTimestamps: "token_timestamps",
  withoutTimestamps: "no_timestamps",
  vadFilter: "vad",
  "vadOptions.minSpeechDuration": "vad_min_speech_duration_ms",
  "vadOptions.minSilenceDuration": "vad_min_silence_duration_ms",
  "vadOptions.maxSpeechDuration": "vad_max_speech_duration_s",
  "vadOptions.speechPad": "vad_speech_pad_ms",
};

/** What a form of whisper.cpp's server asks for. */
export interface Asked {
  format: Format;
  /** Of the library, checked. */
  options: RequestOptions;
  /** What the form calls them. */
  optionNames: OptionNames;
  layout: FormatOptions;
  hasTimes: boolean;
  hasLanguages: boolean;
  /** Fields that are not known here. */
  unknown: readonly string[];
}

/** @throws Refusal, TranscriptionError INVALID_ARGUMENT that name the field */
export function readRequest({ names, texts }: Form, transcriber: Transcriber): Asked {
  const unknown = FIELDS.unknown(names);
  const read = <Name extends keyof typeof OWN>(name: Name) => FIELDS.read(name, texts);
  const format: Format = read("response_format") ?? "json";
  const hasTimes = !(read("no_timestamps") ?? false);
  const likesWords = format === "verbose_json" && hasTimes && transcriber.info.timesWords;
  const [beamSize, most] = [read("beam_size"), read("max_len") ?? 0];
  const suppress = read("suppress_nst") ?? read("suppress_non_speech");
  const asked = FIELDS.options(texts);
  const options: RequestOptions = {
    ...((read("token_timestamps") ?? likesWords) && { wordTimestamps: true }),
    ...(read("translate") && { task: "translate" }),
    ...given({
      initialPrompt: read("prompt"),
      beamSize: beamSize === undefined ? undefined : Math.max(1, beamSize),
      noSpeechThreshold: read("no_speech_thold"),
      logProbThreshold: read("logprob_thold"),
      vadFilter: read("vad"),
    }),
    ...(suppress === false && { suppressTokens: [] }),
    ...(!hasTimes && { withoutTimestamps: true }),
    ...temperatures(read("temperature"), read("temperature_inc")),
    ...clips(read("offset_t") ?? 0, read("duration") ?? 0),
    ...asked,
    ...(read("detect_language") && { language: "auto" }),
    vadOptions: {
      ...given({
        minSpeechDuration: read("vad_min_speech_duration_ms"),
        minSilenceDuration: read("vad_min_silence_duration_ms"),
        speechPad: read("vad_speech_pad_ms"),
        maxSpeechDuration: read("vad_max_speech_duration_s"),
      }),
      ...asked.vadOptions,
    },
  };
  const optionNames = aliasNames(ALIASES, texts);
  inForm(() => transcriber.checkOptions(options), undefined, optionNames);
  const layout = most > 0 ? { maxLineWidth: most, maxLineCount: 1 } : {};
  return {
    format,
    options,
    optionNames,
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

/** @param offset seconds @param duration seconds @throws TranscriptionError INVALID_ARGUMENT */
function clips(offset: number, duration: number): RequestOptions {
  const [most, asked] = [LONGEST - offset * 1000, duration * 1000];
  if (asked > most) throw wrongField("duration", `at most ${most}`, String(asked));
  if (offset === 0 && duration === 0) return {};
  return { clipTimestamps: [offset, ...(duration > 0 ? [offset + duration] : [])] };
}
