import type { VerboseJson, WhisperXJson, WhisperXSegment, WhisperXWord } from "../types/foreign-json.js";
import { LANGUAGES } from "../types/languages.js";
import type { Segment, TranscriptionResult, Word } from "../types/result.js";
import { short } from "./json.js";
import type { FormatOptions } from "./options.js";
import { beginsUnspaced, channelName, voiceLabel } from "./text.js";

/** Punctuation around a word; what is part of a number or a name is not. */
const EDGES = /^[^\p{L}\p{M}\p{N}\p{S}#@&%]+|[^\p{L}\p{M}\p{N}\p{S}#@&%]+$/gu;

/**
 * The answer of OpenAI's API with `response_format=verbose_json`
 * (https://platform.openai.com/docs/api-reference/audio/verbose-json-object): the language by its English name, texts of
 * segments with their leading space, `words` where they were timed.
 */
export function toVerboseJson(result: TranscriptionResult): VerboseJson {
  const { task, language, duration, text, segments } = result;
  const words = segments.flatMap((segment) => segment.words ?? []);
  const timed = segments.some((segment) => segment.words !== undefined);
  return {
    task,
    language: Object.hasOwn(LANGUAGES, language) ? LANGUAGES[language as keyof typeof LANGUAGES] : language,
    duration: short(duration),
    text,
    ...(timed && {
      words: words.map(({ text, start, end }) => ({
        word: bare(text),
        start: short(start),
        end: short(end),
      })),
    }),
    segments: segments.map((segment) => ({
      id: segment.id,
      // In hundredths of a second. Where the window began is not known any more; the segment was found from here on.
      seek: Math.round(segment.start * 100),
      start: short(segment.start),
      end: short(segment.end),
      // Whisper writes a space before words, unless their script has none.
      text: `${beginsUnspaced(segment.text) ? "" : " "}${segment.text}`,
      tokens: segment.tokens ?? [],
      temperature: short(segment.temperature),
      avg_logprob: short(segment.avgLogProb),
      compression_ratio: short(segment.compressionRatio),
      no_speech_prob: short(segment.noSpeechProb),
    })),
  };
}

export function writeVerboseJson(result: TranscriptionResult): string {
  return written(toVerboseJson(result));
}

/** A word without the punctuation around it, unless it is nothing else. */
function bare(word: string): string {
  return word.replace(EDGES, "") || word;
}

/**
 * What WhisperX (3.8) writes as JSON: segments with their words where those were timed, all words once more as
 * `word_segments`, and the code of the language; seconds and scores have three decimals. `speaker` is who says it, where
 * speakers were told apart, and missing where it is not known; else the channel, where channels are apart: by its label,
 * else `SPEAKER_00` for the first. `speaker_embeddings` are the voices, where they were asked for.
 */
export function toWhisperXJson(result: TranscriptionResult, options: FormatOptions = {}): WhisperXJson {
  const segments = result.segments.map((segment): WhisperXSegment => {
    const speaker = speakerOf(segment, options);
    const wordSpeaker = (word: Word) =>
      word.speaker === undefined ? speaker : speakerOf({ ...segment, speaker: word.speaker }, options);
    return {
      start: rounded(segment.start),
      end: rounded(segment.end),
      text: segment.text,
      avg_logprob: short(segment.avgLogProb),
      ...(segment.words && { words: segment.words.map((word) => wordOf(word, wordSpeaker(word))) }),
      ...speaker,
    };
  });
  const timed = segments.some(({ words }) => words !== undefined);
  const voices = (result.speakers ?? []).flatMap(({ id, embedding }) =>
    embedding ? [[id, embedding.map(short)] as const] : [],
  );
  return {
    segments,
    ...(timed && { word_segments: segments.flatMap(({ words = [] }) => words) }),
    ...(voices.length > 0 && { speaker_embeddings: Object.fromEntries(voices) }),
    language: result.language,
  };
}

export function writeWhisperX(result: TranscriptionResult, options: FormatOptions): string {
  return written(toWhisperXJson(result, options));
}

function wordOf({ text, start, end, confidence }: Word, speaker: { speaker?: string }): WhisperXWord {
  return { word: text, start: rounded(start), end: rounded(end), score: rounded(confidence), ...speaker };
}

function speakerOf(segment: Segment, options: FormatOptions): { speaker?: string } {
  const { channel, speaker } = segment;
  if (speaker !== undefined) {
    const label = voiceLabel(segment, options);
    return label && "speaker" in label ? label : {};
  }
  if (channel === undefined) return {};
  return { speaker: channelName(channel, options) || `SPEAKER_${String(channel).padStart(2, "0")}` };
}

function rounded(value: number): number {
  return Number(value.toFixed(3));
}

function written(document: object): string {
  return `${JSON.stringify(document, undefined, 2)}\n`;
}
