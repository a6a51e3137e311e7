import { parseLanguage, type Transcriber } from "../../../index.js";
import { keywordsOf } from "../../../service/deepgram.js";
import type { RequestOptions } from "../../../service/options/fields.js";
import { type Given, wrongField } from "../../../service/options/read-options.js";
import type { OptionNames } from "../../../service/options/request-errors.js";
import { formNames, inForm } from "../option-names.js";
import { RAW_ENCODINGS, type RawSamples } from "../raw-samples.js";
import { FIELDS, UNANSWERED, UTTERANCE_SPLIT } from "./parameters.js";

/** What a request of Deepgram's API for recordings asks for. */
export interface Asked {
  /** As the client calls it. */
  model: string | undefined;
  options: RequestOptions;
  /** Codes of the languages that may be spoken; undefined: any. */
  languages: readonly string[] | undefined;
  optionNames: OptionNames;
  /** What the body's bytes are, unless a container says; undefined: one does. */
  raw: RawSamples | undefined;
  /** Whether the language is to be told. */
  detects: boolean;
  paragraphs: boolean;
  /** Seconds without a word that part utterances; undefined: there are to be none. */
  utteranceSplit: number | undefined;
  tags: readonly string[];
  extra: Readonly<Record<string, string>>;
  /** Parameters that the answer has nothing for. */
  unanswered: readonly string[];
  /** Parameters that nobody knows. */
  unknown: readonly string[];
}

/** What the limits of live streams are. */
const RATES = [8000, 192_000] as const;
const MOST_CHANNELS = 8;

/** @param names of all parameters @throws Refusal, TranscriptionError INVALID_ARGUMENT that name the parameter */
export function readAsked(given: Given, names: readonly string[]): Asked {
  const field = <Name extends Parameters<typeof FIELDS.read>[0]>(name: Name) => FIELDS.read(name, given);
  const unknown = FIELDS.unknown(names);
  if (given("redact").some(isOn))
    throw wrongField("redact", "no redact: this server redacts nothing", given("redact").join(","));
  if (given("callback").some(isOn))
    throw wrongField("callback", "no callback: POST /v1/jobs does it with webhook_url", "one");
  const language = field("language");
  const isMixed = language?.toLowerCase() === "multi";
  const { detects, languages } = detectionOf(given);
  const hotwords = keywordsOf(given("keyterm"), given("keywords"));
  const isMany = field("multichannel") ?? false;
  const isDiarized = (field("diarize") ?? false) || isOn(field("diarize_model") ?? "");
  const split = field("utt_split") ?? UTTERANCE_SPLIT;
  if (!(split >= 0)) throw wrongField("utt_split", "seconds", String(split));
  return {
    model: field("model"),
    options: {
      ...(isMixed && { multilingual: true }),
      ...(language !== undefined && !isMixed && !detects && { language }),
      ...(detects && languages === undefined && { language: "auto" }),
      ...(languages?.length === 1 && { language: languages[0]! }),
      ...(hotwords.length > 0 && { hotwords }),
      ...(isMany && { channels: "each" }),
      ...(isDiarized && { diarize: true }),
    },
    languages: languages && languages.length > 1 ? languages : undefined,
    optionNames: formNames({
      multilingual: "language",
      channels: "multichannel",
      hotwords: given("keyterm").length > 0 ? "keyterm" : "keywords",
    }),
    raw: rawOf(field("encoding"), field("sample_rate"), field("channels")),
    detects: detects || isMixed || language === undefined,
    paragraphs: (field("paragraphs") ?? false) || (field("smart_format") ?? false),
    utteranceSplit: field("utterances") ? split : undefined,
    tags: given("tag"),
    extra: Object.fromEntries(given("extra").map(pairOf)),
    unanswered: UNANSWERED.filter((name) => given(name).some(isOn)),
    unknown,
  };
}

/** Options for the model that it is; words are timed where they can be. @throws TranscriptionError INVALID_ARGUMENT */
export function optionsFor(transcriber: Transcriber, { optionNames, options }: Asked): RequestOptions {
  const asked = { ...options, ...(transcriber.info.timesWords && { wordTimestamps: true }) };
  inForm(() => transcriber.checkOptions(asked), undefined, optionNames);
  return asked;
}

function isOn(text: string): boolean {
  return !/^(false|0|no|)$/i.test(text.trim());
}

function detectionOf(given: Given): { detects: boolean; languages: string[] | undefined } {
  const texts = given("detect_language").filter(isOn);
  const named = texts.filter((text) => !/^(true|1|yes|on)$/i.test(text));
  const languages = named.map((name) => {
    const code = parseLanguage(name);
    if (code === undefined || code === "auto")
      throw wrongField("detect_language", "true, false, or a language by its code", name);
    return code;
  });
  return { detects: texts.length > 0, languages: languages.length > 0 ? languages : undefined };
}

/** What is in a container says what it is; of other encodings there is none without one. */
function rawOf(encoding = "", rate: number | undefined, channels = 1): RawSamples | undefined {
  const known = RAW_ENCODINGS.find((name) => name === encoding.toLowerCase());
  if (!known) return undefined;
  const sampleRate = rate ?? (known === "mulaw" || known === "alaw" ? RATES[0] : undefined);
  const [least, most] = RATES;
  if (sampleRate === undefined || sampleRate < least || sampleRate > most)
    throw wrongField(
      "sample_rate",
      `${least} to ${most} with encoding=${encoding}`,
      String(rate ?? "nothing"),
    );
  if (channels < 1 || channels > MOST_CHANNELS)
    throw wrongField("channels", `1 to ${MOST_CHANNELS}`, String(channels));
  return { encoding: known, sampleRate, channels };
}

function pairOf(text: string): [string, string] {
  const at = text.indexOf(":");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
