import { type FormatOptions, OUTPUT_FORMATS, type TASKS } from "../../../index.js";
import { optionPaths } from "../../../service/options/fields.js";
import * as kind from "../../../service/options/kinds.js";
import { type Field, FieldSet, formWith } from "../forms/field-set.js";
import { MODEL_FIELD } from "../forms/model.js";
import { KNOWN_SPEAKER_FIELDS } from "./known-speakers.js";

/** What an answer may be: OpenAI's formats first, then those that only this server has. */
export const FORMATS = [
  "json",
  "text",
  "srt",
  "verbose_json",
  "vtt",
  "diarized_json",
  ...OUTPUT_FORMATS.filter((format) => ["tsv", "csv", "lrc", "whisperx"].includes(format)),
] as const;
export type Format = (typeof FORMATS)[number];

/** Those whose text can be sent while it is written. */
export const STREAMED: readonly Format[] = ["json", "text", "diarized_json"];

export const GRANULARITIES = ["segment", "word"] as const;

/** Several of `values`, given apart. */
function several<const T extends string>(values: readonly T[]): kind.Kind<T[]> {
  const one = kind.choice(values);
  return {
    expected: values.length === 1 ? values[0]! : `some of ${values.join(", ")}`,
    schema: { type: "array", items: one.schema },
    isList: true,
    read: (texts) => {
      const found = texts.map((text) => one.read([text]));
      return found.every((value) => value !== undefined) ? (found as T[]) : undefined;
    },
  };
}

const object: kind.Kind<never> = { expected: "an object", schema: { type: "object" }, read: () => undefined };

/** Fields of OpenAI's API, and of ours beside the options of the library. */
const OPENAI_FIELDS = {
  model: MODEL_FIELD,
  prompt: { kind: kind.text, is: "As initial_prompt." },
  response_format: { kind: kind.choice(FORMATS), is: "What the answer is." },
  stream: { kind: kind.flag, is: "Answer with server-sent events while the text is written." },
  include: { kind: several(["logprobs"]), is: "logprobs: how sure each word is, with json." },
  timestamp_granularities: { kind: several(GRANULARITIES), is: "word: times of words, with verbose_json." },
  chunking_strategy: {
    kind: { ...object, schema: { anyOf: [{ const: "auto" }, { type: "object" }] } },
    is: "auto, or {type: server_vad, threshold, prefix_padding_ms, silence_duration_ms}.",
  },
  languages: { kind: kind.texts, is: "Languages that may be spoken: the likeliest of them is taken." },
  keywords: { kind: kind.texts, is: "As hotwords." },
  ...KNOWN_SPEAKER_FIELDS,
  speaker_roles: { kind: object, is: "Roles that are known, by speaker: speaker_roles[SPEAKER_00]=seller." },
} as const satisfies Record<string, Field>;

/** Layout of subtitles. */
export const LAYOUT_FIELDS = {
  max_line_width: { option: "maxLineWidth", kind: kind.integer, is: "srt, vtt: characters in a line." },
  max_line_count: { option: "maxLineCount", kind: kind.integer, is: "srt, vtt: lines shown at once." },
  max_words_per_line: { option: "maxWordsPerLine", kind: kind.integer, is: "srt, vtt: words in a line." },
  highlight_words: {
    option: "highlightWords",
    kind: kind.flag,
    is: "srt, vtt: underline words as they are spoken.",
  },
} as const satisfies Record<string, Field & { option: keyof FormatOptions }>;

export const FIELDS = new FieldSet(optionPaths(), { ...OPENAI_FIELDS, ...LAYOUT_FIELDS });

/** What only a transcription has at OpenAI, too. */
const OF_TRANSCRIPTIONS = /^(known_speaker|stream|include)/;

/** JSON Schema of the form. @param task that the path is for */
export function formSchema(task: (typeof TASKS)[number]): object {
  return formWith("file", formProperties(task));
}

/** JSON Schema of each of its fields but the file. */
export function formProperties(task: (typeof TASKS)[number]): Record<string, object> {
  const shown = Object.entries(FIELDS.properties).filter(
    ([name]) => name !== "task" && (task === "transcribe" || !OF_TRANSCRIPTIONS.test(name)),
  );
  return Object.fromEntries(shown);
}
