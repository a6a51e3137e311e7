import type { FastifyInstance, FastifyRequest } from "fastify";
import {
  formatResult,
  type Transcriber,
  type TranscriptionResult,
  toVerboseJson,
  toWhisperXJson,
} from "../../../index.js";
import { optionPaths, type RequestOptions } from "../../../service/options/fields.js";
import * as kind from "../../../service/options/kinds.js";
import type { Service } from "../../../service/service.js";
import { answerForm, noteUnknown } from "../forms/answer-form.js";
import { FieldSet, formWith } from "../forms/field-set.js";
import type { Form } from "../forms/form.js";
import { MODEL_FIELD, withNamedModel } from "../forms/model.js";
import { inForm, inFormLater } from "../option-names.js";
import { probableWords } from "../probable-words.js";
import { ENCODE, FILE, fileOf, givenIn, namesIn, OTHERS } from "./parameters.js";

const OUTPUTS = ["txt", "vtt", "srt", "tsv", "json"] as const;
type Output = (typeof OUTPUTS)[number];

/** Its parameters have the names of the library's options. */
const FIELDS = new FieldSet(
  optionPaths(),
  {
    output: { kind: kind.choice(OUTPUTS), is: "What the answer is. Default txt." },
    encode: ENCODE,
    model: MODEL_FIELD,
  },
  OTHERS,
);

/** `POST /asr` of whisper-asr-webservice, which Bazarr and Speakr ask: text of a recording, as a file. */
export function addAsr(app: FastifyInstance, service: Service): void {
  const schema = {
    summary: "Text of a recording, as whisper-asr-webservice has it",
    tags: ["whisper-asr-webservice"],
    parameters: { properties: FIELDS.properties },
    form: formWith(FILE),
    produces: { "text/plain": "Whatever output it is, as an attachment" },
  };
  app.post("/asr", { schema }, (request, reply) => {
    const { call } = request;
    return answerForm(service, request, reply, {
      ...fileOf(request),
      work: (form, upload) =>
        withNamedModel(service, call, givenIn(request, form), async (transcriber) => {
          const { options, output, unknown } = readAsked(request, form, transcriber);
          noteUnknown(service, request, unknown);
          const asked = { transcriber, ...options, speakersIfPossible: true };
          const working = service.transcribe(call, await upload.file(), asked, "timeout");
          const work = await inFormLater(working, options.limits?.maxDuration);
          return { work, output, name: form.filename ?? "" };
        }),
      deliver: ({ work, output, name }) => {
        service.logSuccess(call, work);
        const file = `${encodeURIComponent(name || "audio")}.${output}`;
        void reply
          .type("text/plain; charset=utf-8")
          .header("asr-engine", work.result.implementation)
          .header("content-disposition", `attachment; filename="${file}"`)
          .send(written(work.result, output));
      },
    });
  });
}

interface Asked {
  options: RequestOptions;
  output: Output;
  unknown: readonly string[];
}

/** @throws Refusal, TranscriptionError INVALID_ARGUMENT that name the field */
function readAsked(request: FastifyRequest, form: Form, transcriber: Transcriber): Asked {
  const given = givenIn(request, form);
  const unknown = FIELDS.unknown(namesIn(request, form), FILE);
  const output = FIELDS.read("output", given) ?? "txt";
  const asked = FIELDS.options(given);
  // Those who ask who says what get words, too, as from WhisperX there.
  const likesWords = output === "json" && asked.diarize && transcriber.info.timesWords;
  const options = { ...(likesWords && { wordTimestamps: true }), ...asked };
  inForm(() => transcriber.checkOptions(options));
  return { options, output, unknown };
}

function written(result: TranscriptionResult, output: Output): string {
  if (output !== "json") return formatResult(result, output);
  if (!result.speakers) return JSON.stringify(whisperAnswer(result));
  return JSON.stringify({ text: result.text, ...toWhisperXJson(result) });
}

/** The JSON of openai-whisper: the language by its code, words in their segments. */
function whisperAnswer(result: TranscriptionResult): object {
  const { segments } = toVerboseJson(result);
  return {
    text: result.text,
    segments: segments.map((segment, index) => {
      const { words } = result.segments[index]!;
      return { ...segment, ...(words && { words: probableWords(words) }) };
    }),
    language: result.language,
  };
}
