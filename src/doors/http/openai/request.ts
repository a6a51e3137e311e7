import {
  type FormatOptions,
  parseLanguage,
  SPEAKER_ROLES,
  type SpeakerRole,
  type Transcriber,
  type TranscriptionTask,
} from "../../../index.js";
import type { Call } from "../../../service/call/call.js";
import type { KnownSpeaker } from "../../../service/known-speakers.js";
import type { RequestOptions } from "../../../service/options/fields.js";
import { type Kind, number } from "../../../service/options/kinds.js";
import { readField, wrongField } from "../../../service/options/read-options.js";
import type { OptionNames } from "../../../service/options/request-errors.js";
import type { Service } from "../../../service/service.js";
import { cut } from "../../../service/text.js";
import type { Form } from "../forms/form.js";
import { given as givenOf } from "../forms/given.js";
import { type Aliases, aliasNames, inForm } from "../option-names.js";
import { IN_MILLISECONDS } from "../shared-fields.js";
import { FIELDS, type Format, LAYOUT_FIELDS, STREAMED } from "./fields.js";
import { readKnownSpeakers } from "./known-speakers.js";

/** What a form of OpenAI's API asks for. */
export interface Asked {
  task: TranscriptionTask;
  format: Format;
  /** Of the library, checked. */
  options: RequestOptions;
  /** What the form calls them. */
  optionNames: OptionNames;
  /** Codes of the languages that may be spoken; undefined: any. */
  languages: readonly string[] | undefined;
  /** Who may be heard; undefined: nobody is known. */
  knownSpeakers: readonly KnownSpeaker[] | undefined;
  layout: FormatOptions;
  /** What `verbose_json` has. */
  words: boolean;
  segments: boolean;
  isStream: boolean;
  logprobs: boolean;
  /** Fields that are not known here. */
  unknown: readonly string[];
}

/** What of it the answer is made by, once there is a result. */
export type AnswerForm = Pick<Asked, "format" | "layout" | "logprobs" | "segments" | "task" | "words">;

const STRATEGY = "chunking_strategy";

/** Which of its fields set options of the library that were not given by themselves. */
const ALIASES: Aliases = {
  initialPrompt: "prompt",
  hotwords: "keywords",
  language: "languages",
  "vadOptions.threshold": `${STRATEGY}.threshold`,
  "vadOptions.speechPad": `${STRATEGY}.prefix_padding_ms`,
  "vadOptions.minSilenceDuration": `${STRATEGY}.silence_duration_ms`,
};

/**
 * @param transcriber the model that the form names
 * @param others fields that the endpoint has beside those of the API
 * @throws Refusal, TranscriptionError INVALID_ARGUMENT that name the field; QUEUE_FULL
 */
export function readRequest(
  form: Form,
  task: TranscriptionTask,
  transcriber: Transcriber,
  call: Call,
  service: Service,
  others: readonly string[] = [],
): Asked {
  const unknown = FIELDS.unknown(form.names, "file", others);
  const field = <Name extends Parameters<typeof FIELDS.read>[0]>(name: Name) => FIELDS.read(name, form.texts);
  const format: Format = field("response_format") ?? "json";
  if (task === "translate" && format === "diarized_json")
    throw wrongField("response_format", "json, text, srt, verbose_json or vtt", format);
  const isStream = field("stream") ?? false;
  if (isStream && !STREAMED.includes(format))
    throw wrongField("response_format", `${STREAMED.join(", ")} with stream`, format);
  const logprobs = (field("include") ?? []).length > 0;
  if (logprobs && format !== "json")
    throw wrongField("response_format", "json with include[]=logprobs", format);
  const granularities = field("timestamp_granularities") ?? [];
  const wantsWords = granularities.includes("word");
  if (wantsWords && ["json", "text", "diarized_json"].includes(format))
    throw wrongField("response_format", "verbose_json with timestamp_granularities[]=word", format);
  const knownSpeakers = readKnownSpeakers(form, call, service);
  const layout = readLayout(form);
  const needsWords = wantsWords || layout.highlightWords === true;
  const likesWords = (logprobs || format === "whisperx") && transcriber.info.timesWords;
  const given = FIELDS.options(form.texts);
  const languages = languagesOf(form);
  const options: RequestOptions = {
    ...chunking(form),
    ...(languages?.length === 1 && { language: languages[0]! }),
    ...withoutZero(given),
    ...prompts(form, given),
    ...roles(form, given),
    ...((needsWords || likesWords) && { wordTimestamps: true }),
    ...((format === "diarized_json" || knownSpeakers) && !given.diarize && { diarize: true }),
    task: given.task ?? task,
  };
  const asksForWords = wantsWords ? "timestamp_granularities" : "highlight_words";
  const optionNames = aliasNames(
    { ...ALIASES, ...(needsWords && { wordTimestamps: asksForWords }) },
    form.texts,
  );
  inForm(() => transcriber.checkOptions(options), undefined, optionNames);
  return {
    task: options.task ?? task,
    format,
    options,
    optionNames,
    languages: options.language === undefined && languages && languages.length > 1 ? languages : undefined,
    knownSpeakers,
    layout,
    words: wantsWords || options.wordTimestamps === true,
    // Words by themselves, as OpenAI has it.
    segments: !wantsWords || granularities.includes("segment"),
    isStream,
    logprobs,
    unknown,
  };
}

/** With 0, OpenAI tries higher temperatures where the text is no good, which is the default here. */
function withoutZero(options: RequestOptions): RequestOptions {
  if (options.temperature !== 0) return options;
  const { temperature: _, ...others } = options;
  return others;
}

function prompts(form: Form, given: RequestOptions): RequestOptions {
  const prompt = form.text("prompt");
  const keywords = form.texts("keywords").filter((word) => word !== "");
  return {
    ...(prompt !== undefined && given.initialPrompt === undefined && { initialPrompt: prompt }),
    ...(keywords.length > 0 && given.hotwords === undefined && { hotwords: keywords }),
  };
}

/** @throws TranscriptionError INVALID_ARGUMENT for a language that nobody knows */
function languagesOf(form: Form): string[] | undefined {
  const given = form.texts("languages").filter((name) => name !== "");
  if (given.length === 0) return undefined;
  return given.map((name) => {
    const code = parseLanguage(name);
    if (code === undefined || code === "auto")
      throw wrongField("languages", "codes or names of languages", name);
    return code;
  });
}

function readLayout(form: Form): FormatOptions {
  const names = Object.keys(LAYOUT_FIELDS) as (keyof typeof LAYOUT_FIELDS)[];
  const values = names.map((name) => [LAYOUT_FIELDS[name].option, FIELDS.read(name, form.texts)] as const);
  return givenOf(Object.fromEntries(values));
}

/** What OpenAI calls by milliseconds. @throws TranscriptionError INVALID_ARGUMENT */
function chunking(form: Form): RequestOptions {
  if (form.text(STRATEGY)?.trim().toLowerCase() === "auto") return {};
  const strategy = form.object(STRATEGY);
  if (strategy === undefined) return {};
  const { type = "server_vad", threshold, prefix_padding_ms, silence_duration_ms, ...others } = strategy;
  if (type !== "server_vad") throw wrongField(`${STRATEGY}.type`, "server_vad", String(type));
  const [unknown] = Object.keys(others);
  if (unknown !== undefined)
    throw wrongField(STRATEGY, "threshold, prefix_padding_ms and silence_duration_ms", unknown);
  const read = (name: string, kind: Kind<number>, value: unknown): number | undefined =>
    readField(`${STRATEGY}.${name}`, kind, () => (value === undefined ? [] : [String(value)]));
  const vadOptions = givenOf({
    threshold: read("threshold", number, threshold),
    speechPad: read("prefix_padding_ms", IN_MILLISECONDS.speechPad, prefix_padding_ms),
    minSilenceDuration: read("silence_duration_ms", IN_MILLISECONDS.minSilenceDuration, silence_duration_ms),
  });
  return Object.keys(vadOptions).length > 0 ? { vadOptions } : {};
}

/** Roles by speaker, which ask for roles and speakers. @throws TranscriptionError INVALID_ARGUMENT */
function roles(form: Form, given: RequestOptions): RequestOptions {
  const named = form.object("speaker_roles");
  if (named === undefined) return {};
  const speakers = Object.entries(named).map(([speaker, role]) => {
    const known = SPEAKER_ROLES.find((each) => each === role);
    if (known === undefined)
      throw wrongField(`speaker_roles[${cut(speaker)}]`, `one of ${SPEAKER_ROLES.join(", ")}`, String(role));
    return [speaker, known] as [string, SpeakerRole];
  });
  const others = typeof given.roles === "object" ? given.roles : {};
  return { diarize: given.diarize || true, roles: { ...others, speakers: Object.fromEntries(speakers) } };
}
