import { LANGUAGES } from "../types/languages.js";
import type { Segment, TranscriptionResult, Word } from "../types/result.js";
import { shorten } from "./json.js";
import type { FormatOptions } from "./options.js";
import { beginsUnspaced, channelName, voiceLabel } from "./text.js";

/** Punctuation around a word; what is part of a number or a name is not. */
const EDGES = /^[^\p{L}\p{M}\p{N}\p{S}#@&%]+|[^\p{L}\p{M}\p{N}\p{S}#@&%]+$/gu;

/**
 * The answer of OpenAI's API with `response_format=verbose_json`
 * (https://platform.openai.com/docs/api-reference/audio/verbose-json-object): the language by its English name, texts of
 * segments with their leading space, `words` where they were timed.
 */
export function writeVerboseJson(result: TranscriptionResult): string {
  const { task, language, duration, text, segments } = result;
  const words = segments.flatMap((segment) => segment.words ?? []);
  const timed = segments.some((segment) => segment.words !== undefined);
  return written({
    task,
    language: Object.hasOwn(LANGUAGES, language) ? LANGUAGES[language as keyof typeof LANGUAGES] : language,
    duration,
    text,
    ...(timed && { words: words.map(({ text, start, end }) => ({ word: bare(text), start, end })) }),
    segments: segments.map((segment) => ({
      id: segment.id,
      // In hundredths of a second. Where the window began is not known any more; the segment was found from here on.
      seek: Math.round(segment.start * 100),
      start: segment.start,
      end: segment.end,
      // Whisper writes a space before words, unless their script has none.
      text: `${beginsUnspaced(segment.text) ? "" : " "}${segment.text}`,
      tokens: segment.tokens ?? [],
      temperature: segment.temperature,
      avg_logprob: segment.avgLogProb,
      compression_ratio: segment.compressionRatio,
      no_speech_prob: segment.noSpeechProb,
    })),
  });
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
export function writeWhisperX(result: TranscriptionResult, options: FormatOptions): string {
  const segments = result.segments.map((segment) => {
    const speaker = speakerOf(segment, options);
    const wordSpeaker = (word: Word) =>
      word.speaker === undefined ? speaker : speakerOf({ ...segment, speaker: word.speaker }, options);
    return {
      start: rounded(segment.start),
      end: rounded(segment.end),
      text: segment.text,
      avg_logprob: segment.avgLogProb,
      ...(segment.words && { words: segment.words.map((word) => wordOf(word, wordSpeaker(word))) }),
      ...speaker,
    };
  });
  const timed = segments.some(({ words }) => words !== undefined);
  const voices = (result.speakers ?? []).flatMap(({ id, embedding }) =>
    embedding ? [[id, embedding] as const] : [],
  );
  return written({
    segments,
    ...(timed && { word_segments: segments.flatMap(({ words = [] }) => words) }),
    ...(voices.length > 0 && { speaker_embeddings: Object.fromEntries(voices) }),
    language: result.language,
  });
}

function wordOf({ text, start, end, confidence }: Word, speaker: { speaker?: string }): object {
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
  return `${JSON.stringify(document, shorten, 2)}\n`;
}
