import { formatResult, type Segment, type TranscriptionResult, toVerboseJson } from "../../../index.js";
import { rounded } from "../rounded.js";
import type { Format } from "./fields.js";
import type { AnswerForm } from "./request.js";

/** An answer's body, and what it is. */
export interface Answer {
  type: string;
  body: string;
}

const JSON_TYPE = "application/json; charset=utf-8";
const TYPES: Readonly<Partial<Record<Format, string>>> = {
  srt: "application/x-subrip; charset=utf-8",
  vtt: "text/vtt; charset=utf-8",
  tsv: "text/tab-separated-values; charset=utf-8",
  csv: "text/csv; charset=utf-8",
  whisperx: JSON_TYPE,
};

/** Who says what nobody is heard to say. */
const NOBODY = "unknown";

/** The answer in the format that was asked for, of a result whose speakers are called as they are to be. */
export function answerOf(result: TranscriptionResult, asked: AnswerForm): Answer {
  const { format, layout } = asked;
  switch (format) {
    case "json":
      return inJson(jsonAnswer(result, asked));
    case "verbose_json":
      return inJson(verboseAnswer(result, asked));
    case "diarized_json":
      return inJson(diarizedAnswer(result));
    case "text": {
      // One line, unless readers have to be told who says it.
      const isPlain = result.speakers === undefined && result.channels === undefined;
      return {
        type: "text/plain; charset=utf-8",
        body: isPlain ? `${result.text}\n` : formatResult(result, "txt"),
      };
    }
    default:
      return {
        type: TYPES[format] ?? "text/plain; charset=utf-8",
        body: formatResult(result, format, layout),
      };
  }
}

function inJson(answer: object): Answer {
  return { type: JSON_TYPE, body: JSON.stringify(answer) };
}

function usageOf({ duration }: TranscriptionResult): object {
  return { type: "duration", seconds: rounded(duration) };
}

function jsonAnswer(result: TranscriptionResult, { logprobs }: AnswerForm): object {
  return {
    text: result.text,
    ...(result.language !== "" && { languages: [{ code: result.language }] }),
    ...(logprobs && { logprobs: logprobsOf(result.segments) }),
    usage: usageOf(result),
  };
}

function verboseAnswer(result: TranscriptionResult, { segments, task, words }: AnswerForm): object {
  const { segments: all, words: timed = [], ...answer } = toVerboseJson(result);
  return {
    ...answer,
    // What a translation is in.
    ...(task === "translate" && { language: "english" }),
    ...(words && { words: timed }),
    ...(segments && { segments: all }),
    usage: usageOf(result),
  };
}

/** A segment of `diarized_json`, which is also an event. */
export function diarizedSegment({ end, start, speaker, text }: Segment, index: number): object {
  return {
    type: "transcript.text.segment",
    id: segmentId(index),
    start: rounded(start),
    end: rounded(end),
    text,
    speaker: speaker ?? NOBODY,
  };
}

export function segmentId(index: number): string {
  return `seg_${String(index + 1).padStart(3, "0")}`;
}

function diarizedAnswer(result: TranscriptionResult): object {
  return {
    task: result.task,
    duration: rounded(result.duration),
    text: turnsText(result.segments),
    segments: result.segments.map(diarizedSegment),
    usage: usageOf(result),
  };
}

/** A line for each turn. */
export function turnsText(segments: readonly Segment[]): string {
  const lines: { speaker: string; text: string }[] = [];
  for (const { speaker, text } of segments) {
    const name = speaker ?? NOBODY;
    const last = lines.at(-1);
    if (last?.speaker === name) last.text += ` ${text}`;
    else lines.push({ speaker: name, text });
  }
  return lines.map(({ speaker, text }) => `${speaker}: ${text}`).join("\n");
}

/** Probability below which nothing is told apart any more: a logarithm is a number in JSON. */
const LEAST = 1e-9;

/**
 * OpenAI's `logprobs`, of words rather than tokens: a word is as sure as its tokens are in the mean. Where words are not
 * timed, of segments. Joined, they are the text.
 */
export function logprobsOf(segments: readonly Segment[], isFirst = true): object[] {
  const parts = segments.flatMap(({ avgLogProb, text, words }) =>
    words && words.length > 0
      ? words.map((word) => ({ text: word.text, logprob: Math.log(Math.max(word.confidence, LEAST)) }))
      : [{ text, logprob: avgLogProb }],
  );
  return parts.map(({ text, logprob }, index) => {
    const token = isFirst && index === 0 ? text : ` ${text}`;
    return { token, logprob, bytes: [...Buffer.from(token)] };
  });
}
