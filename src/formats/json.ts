import type { TranscriptionResult } from "../types/result.js";

/**
 * The whole result with the names of {@link TranscriptionResult}, in a fixed order, indented, ended by a line break.
 * Numbers have at most six decimals: microseconds, and no trace of float32.
 */
export function writeJson(result: TranscriptionResult): string {
  const { text, language, languageProbability, languageProbabilities, duration } = result;
  const { segments, channels, speakers, turns, stats, warnings } = result;
  const { format, model, implementation, computeType, device } = result;
  const ordered = {
    text,
    task: result.task,
    language,
    languageProbability,
    languageProbabilities,
    duration,
    segments: segments.map((segment) => ({
      id: segment.id,
      start: segment.start,
      end: segment.end,
      text: segment.text,
      confidence: segment.confidence,
      avgLogProb: segment.avgLogProb,
      noSpeechProb: segment.noSpeechProb,
      compressionRatio: segment.compressionRatio,
      temperature: segment.temperature,
      channel: segment.channel,
      language: segment.language,
      tokens: segment.tokens,
      speaker: segment.speaker,
      speakerConfidence: segment.speakerConfidence,
      words: segment.words?.map(({ start, end, text, confidence, speaker, speakerConfidence }) => ({
        start,
        end,
        text,
        confidence,
        speaker,
        speakerConfidence,
      })),
    })),
    channels: channels?.map(({ channel, text, language, languageProbability }) => ({
      channel,
      text,
      language,
      languageProbability,
    })),
    speakers,
    turns,
    stats,
    warnings,
    format,
    model,
    implementation,
    computeType,
    device,
  };
  return `${JSON.stringify(ordered, shorten, 2)}\n`;
}

/** Of `JSON.stringify`. */
function shorten(_key: string, value: unknown): unknown {
  return typeof value === "number" && Number.isFinite(value) ? short(value) : value;
}

/** Without the digits that float32 adds. */
export function short(value: number): number {
  return Number(value.toFixed(6));
}
