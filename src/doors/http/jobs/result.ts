import { formatResult, renameSpeakers, type TranscriptionResult } from "../../../index.js";
import type { Job } from "../../../service/jobs/job.js";
import { type Answer, answerOf } from "../openai/answers.js";
import { FORMATS, type Format } from "../openai/fields.js";
import type { AnswerForm } from "../openai/request.js";
import { callAnswerOf } from "../recordings/whisperx.js";
import { namesOrLettersOf } from "../speaker-names.js";

/** Those of a result beside the API's: all that is known of it, speakers' turns, and the answer of `transcribe-whisperx`. */
const OTHERS = ["txt", "full_json", "rttm", "seller_client"] as const;
export const RESULT_FORMATS = [...FORMATS, ...OTHERS] as const;
export type ResultFormat = (typeof RESULT_FORMATS)[number];

const JSON_TYPE = "application/json; charset=utf-8";
const TEXT_TYPE = "text/plain; charset=utf-8";

/** The result of a job. @param format undefined: the one that the job was asked for with */
export function jobAnswer(
  { answer, recording }: Job,
  result: TranscriptionResult,
  format = answer.format as ResultFormat,
): Answer {
  switch (format) {
    case "seller_client":
      return { type: JSON_TYPE, body: JSON.stringify(callAnswerOf(result)) };
    case "full_json":
      return { type: JSON_TYPE, body: formatResult(result, "json") };
    case "txt":
      return { type: TEXT_TYPE, body: formatResult(named(result, format), "txt") };
    case "rttm": {
      const name = recording.filename === "" ? {} : { recording: recording.filename };
      return { type: TEXT_TYPE, body: formatResult(named(result, format), "rttm", name) };
    }
    default:
      return answerOf(named(result, format), formOf(answer, result, format));
  }
}

function named(result: TranscriptionResult, format: ResultFormat): TranscriptionResult {
  return renameSpeakers(result, format === "diarized_json" ? namesOrLettersOf(result.speakers) : undefined);
}

/** As it was asked for; in another format, with all that there is. */
function formOf(answer: Job["answer"], result: TranscriptionResult, format: Format): AnswerForm {
  const asked = answer as Partial<AnswerForm>;
  const isAsked = asked.format === format;
  return {
    format,
    layout: asked.layout ?? {},
    task: result.task,
    logprobs: isAsked && asked.logprobs === true,
    words: isAsked ? asked.words === true : result.segments.some(({ words }) => words !== undefined),
    segments: !isAsked || asked.segments !== false,
  };
}
