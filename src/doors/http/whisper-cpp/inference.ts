import type { FastifyInstance } from "fastify";
import Type from "typebox";
import { formatResult, type Segment, type TranscriptionResult, toVerboseJson } from "../../../index.js";
import type { Service } from "../../../service/service.js";
import { answerForm, noteUnknown } from "../forms/answer-form.js";
import { formWith } from "../forms/field-set.js";
import { withNamedModel } from "../forms/model.js";
import { inFormLater } from "../option-names.js";
import { probableWords } from "../probable-words.js";
import { type Asked, FIELDS, readRequest } from "./request.js";

const ANSWER = Type.Object({ text: Type.String({ description: "A line for each segment" }) });

const JSON_TYPE = "application/json; charset=utf-8";
const TYPES: Readonly<Record<Asked["format"], string>> = {
  json: JSON_TYPE,
  verbose_json: JSON_TYPE,
  // As HTML there, which would be run where a page shows it.
  text: "text/plain; charset=utf-8",
  srt: "application/x-subrip; charset=utf-8",
  vtt: "text/vtt; charset=utf-8",
};

/** `POST /inference` of whisper.cpp's server: text of a recording. */
export function addInference(app: FastifyInstance, service: Service): void {
  const schema = {
    summary: "Text of a recording, as whisper.cpp's server has it",
    tags: ["whisper.cpp"],
    form: formWith("file", FIELDS.properties),
    response: { 200: ANSWER },
    produces: { "text/plain": "text", "application/x-subrip": "srt", "text/vtt": "vtt" },
  };
  app.post("/inference", { schema }, (request, reply) => {
    const { call } = request;
    return answerForm(service, request, reply, {
      work: (form, upload) =>
        withNamedModel(service, call, form.texts, async (transcriber) => {
          const asked = readRequest(form, transcriber);
          noteUnknown(service, request, asked.unknown);
          const { optionNames, options } = asked;
          const given = { transcriber, ...options };
          const working = service.transcribe(call, await upload.file(), given, "timeout");
          return { asked, work: await inFormLater(working, options.limits?.maxDuration, optionNames) };
        }),
      deliver: ({ asked, work }) => {
        service.logSuccess(call, work);
        void reply.type(TYPES[asked.format]).send(bodyOf(work.result, asked));
      },
    });
  });
}

function bodyOf(result: TranscriptionResult, asked: Asked): string {
  switch (asked.format) {
    case "json":
      return JSON.stringify({ text: formatResult(result, "txt") });
    case "verbose_json":
      return JSON.stringify(verboseAnswer(result, asked));
    case "text":
      return formatResult(result, "txt");
    default:
      return formatResult(result, asked.format, asked.layout);
  }
}

function verboseAnswer(result: TranscriptionResult, { hasLanguages, hasTimes }: Asked): object {
  const { duration, language, segments } = toVerboseJson(result);
  const { languageProbabilities, languageProbability } = result;
  return {
    task: result.task,
    language,
    duration,
    text: formatResult(result, "txt"),
    segments: segments.map((segment, index) => {
      const { start, end, text, tokens, temperature } = segment;
      const own = result.segments[index]!;
      return {
        id: index,
        text,
        ...(hasTimes && { start, end }),
        tokens,
        // Times by another way, which there are none of.
        words: probableWords(own.words ?? [], hasTimes).map((word) => ({ ...word, t_dtw: -1 })),
        temperature,
        avg_logprob: own.avgLogProb,
        no_speech_prob: own.noSpeechProb,
        ...speakerOf(own),
      };
    }),
    ...(hasLanguages && {
      detected_language: language,
      detected_language_probability: languageProbability,
      language_probabilities: Object.fromEntries(
        languageProbabilities
          .filter(({ probability }) => probability > 0.001)
          .map(({ language, probability }) => [language, probability]),
      ),
    }),
  };
}

/** The number of the channel, of the speaker where there is one channel, or a question mark. */
function speakerOf({ channel, speaker }: Segment): { speaker?: string } {
  if (speaker === undefined) return {};
  const number = channel ?? /\d+$/.exec(speaker ?? "")?.[0];
  return { speaker: number === undefined ? "?" : String(Number(number)) };
}
