import * as kind from "../../../service/options/kinds.js";
import { FieldSet } from "../forms/field-set.js";
import { MODEL_FIELD } from "../forms/model.js";
import { RAW_ENCODINGS } from "../raw-samples.js";

/** Seconds without a word that part utterances, as Deepgram has it. */
export const UTTERANCE_SPLIT = 0.8;

/** What a request of Deepgram's API for recordings can say that something follows from. */
const OWN = {
  model: { ...MODEL_FIELD, is: `${MODEL_FIELD.is} A name that nobody knows means that as well.` },
  language: { kind: kind.text, is: "What is spoken, by code; multi: several. Default: the server's." },
  detect_language: {
    kind: kind.texts,
    is: "true, or once for each code of a language that may be spoken: the likeliest is taken.",
  },
  multichannel: { kind: kind.flag, is: "Transcribe each channel by itself." },
  diarize: { kind: kind.flag, is: "Number the speakers." },
  diarize_model: { kind: kind.text, is: "As diarize, whatever it names." },
  utterances: { kind: kind.flag, is: "Give utterances as well." },
  utt_split: { kind: kind.number, is: `Seconds without a word that part them. Default ${UTTERANCE_SPLIT}.` },
  paragraphs: { kind: kind.flag, is: "Give sentences in paragraphs as well." },
  smart_format: { kind: kind.flag, is: "As paragraphs: texts have punctuation and numbers in any case." },
  keyterm: { kind: kind.texts, is: "Words to expect." },
  keywords: { kind: kind.texts, is: "The same; how much, behind a colon, is passed over." },
  encoding: {
    kind: kind.text,
    is: `Of samples without a container, ${RAW_ENCODINGS.join(", ")}; in a container its content decides.`,
  },
  sample_rate: { kind: kind.integer, is: "Of samples without a container, in Hz." },
  channels: { kind: kind.integer, is: "Of samples without a container, interleaved. Default 1." },
  tag: { kind: kind.texts, is: "Given back in the metadata." },
  extra: { kind: kind.texts, is: "The same, as KEY:VALUE." },
  redact: { kind: kind.texts, is: "Refused: nothing is redacted here." },
  callback: { kind: kind.text, is: "Refused: a job of /v1/jobs tells a webhook of its end." },
} as const;

/** What changes nothing about the looks of texts, or is about models and accounts that there are not. */
const PASSED_OVER = [
  "alternatives",
  "callback_method",
  "diarize_version",
  "dictation",
  "endpointing",
  "filler_words",
  "interim_results",
  "measurements",
  "mip_opt_out",
  "no_delay",
  "numerals",
  "punctuate",
  "tier",
  "version",
];

/** What is asked for something that an answer does not have: it says so. */
export const UNANSWERED = [
  "custom_intent",
  "custom_intent_mode",
  "custom_topic",
  "custom_topic_mode",
  "detect_entities",
  "intents",
  "profanity_filter",
  "replace",
  "search",
  "sentiment",
  "summarize",
  "topics",
] as const;

export const FIELDS = new FieldSet([], OWN, [...PASSED_OVER, ...UNANSWERED]);
