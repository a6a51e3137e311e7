import { randomUUID } from "node:crypto";
import type { ModelInfo, Segment, TranscriptionResult } from "../../../index.js";
import { deepgramModel } from "../../../service/deepgram.js";
import { rounded } from "../rounded.js";
import { paragraphsOf } from "./paragraphs.js";
import type { Asked } from "./request.js";
import { joined, meanConfidence, parted, type Spoken, spokenIn } from "./spoken.js";

/** What the answer says of a request besides what is said in its recording. */
export interface Answered {
  id: string;
  created: Date;
  /** Of the recording's bytes, in hexadecimal; empty where nobody has counted it. */
  sha256: string;
  model: Pick<ModelInfo, "name" | "type">;
}

/** One channel of the answer. */
interface ChannelOf {
  text: string;
  segments: readonly Segment[];
  language: string;
  languageProbability: number;
}

/** The answer of Deepgram's API for recordings (https://developers.deepgram.com/reference/speech-to-text/listen-pre-recorded). */
export function answerOf(
  result: TranscriptionResult,
  asked: Asked,
  { created, id, model, sha256 }: Answered,
): object {
  const speakers = new Map((result.speakers ?? []).map((speaker, index) => [speaker.id, index]));
  const channels = channelsOf(result).map((channel) => ({
    ...channel,
    spoken: spokenIn(channel.segments, speakers),
  }));
  const { model_info, model_uuid } = deepgramModel(model);
  const warnings = warningsOf(result, asked);
  return {
    metadata: {
      transaction_key: "deprecated",
      request_id: id,
      sha256,
      created: created.toISOString(),
      duration: rounded(result.duration),
      channels: channels.length,
      models: [model_uuid],
      model_info: { [model_uuid]: model_info },
      ...(asked.tags.length > 0 && { tags: asked.tags }),
      ...(Object.keys(asked.extra).length > 0 && { extra: asked.extra }),
      ...(warnings.length > 0 && { warnings }),
    },
    results: {
      channels: channels.map((channel) => ({
        alternatives: [
          {
            transcript: channel.text,
            confidence: meanConfidence(channel.spoken),
            words: wordsOf(channel.spoken),
            ...(asked.paragraphs && { paragraphs: paragraphsOf(channel.spoken) }),
            ...(asked.options.multilingual && { languages: languagesOf(channel) }),
          },
        ],
        ...(asked.detects &&
          channel.language !== "" && {
            detected_language: channel.language,
            language_confidence: rounded(channel.languageProbability),
          }),
      })),
      ...(asked.utteranceSplit !== undefined && {
        utterances: channels
          .flatMap(({ spoken }, channel) => utterancesOf(spoken, channel, asked.utteranceSplit!))
          .sort((a, b) => a.start - b.start),
      }),
    },
  };
}

function channelsOf(result: TranscriptionResult): ChannelOf[] {
  const { channels, language, languageProbability, segments, text } = result;
  if (!channels) return [{ text, segments, language, languageProbability }];
  return channels.map(({ channel, ...found }) => ({
    ...found,
    segments: segments.filter((segment) => segment.channel === channel),
  }));
}

function languagesOf({ language, segments }: ChannelOf): string[] {
  const found = segments.map((segment) => segment.language ?? language).filter((name) => name !== "");
  return [...new Set(found)];
}

function wordsOf(spoken: readonly Spoken[]) {
  return spoken.flatMap(({ word }) => word ?? []);
}

function utterancesOf(spoken: readonly Spoken[], channel: number, split: number) {
  const parts = parted(
    spoken,
    (piece, before) => piece.start - before.end > split || piece.speaker !== before.speaker,
  );
  return parts.map((part) => {
    const { speaker, start } = part[0]!;
    return {
      start: rounded(start),
      end: rounded(part.at(-1)!.end),
      confidence: meanConfidence(part),
      channel,
      transcript: joined(part.map(({ text }) => text)),
      words: wordsOf(part),
      ...(speaker !== undefined && { speaker }),
      id: randomUUID(),
    };
  });
}

/** What was asked for and is not there, as Deepgram tells it. */
function warningsOf({ speakers, warnings }: TranscriptionResult, { options, unanswered }: Asked): object[] {
  const warning = (parameter: string, message: string) => ({
    parameter,
    type: "unsupported_model",
    message,
  });
  return [
    ...unanswered.map((name) => warning(name, `The answer has nothing for ${name}`)),
    ...(options.diarize && !speakers ? [warning("diarize", warnings.at(-1) ?? "There are no speakers")] : []),
  ];
}
