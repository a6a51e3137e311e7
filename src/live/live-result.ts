import { interleave, joinTexts } from "../pipeline/assemble.js";
import { compressionRatio } from "../pipeline/compression-ratio.js";
import { countCodePoints, countWords, speedFactor } from "../pipeline/stats.js";
import type { LiveFinal, LiveOptions, LiveStats } from "../types/live.js";
import type { Segment, TranscriptionResult } from "../types/result.js";
import type { TranscriberInfo } from "../types/transcriber.js";

/**
 * The finals of a live stream as what a transcription gives, to be written in any format.
 * @param options what the stream was asked for
 */
export function liveResult(
  finals: readonly LiveFinal[],
  stats: LiveStats,
  info: TranscriberInfo,
  options: Pick<LiveOptions, "channels" | "sampleRate" | "task" | "language">,
): TranscriptionResult {
  const { channels = 1 } = options;
  const segments = interleave([finals.map((final) => segmentOf(final, channels > 1))]);
  const text = joinTexts(segments);
  const language = mostSpoken(finals);
  return {
    text,
    segments,
    task: options.task ?? "transcribe",
    language,
    languageProbability: language === "" ? 0 : 1,
    languageProbabilities: [],
    duration: stats.received,
    ...(channels > 1 && {
      channels: Array.from({ length: channels }, (_, channel) => {
        const own = finals.filter((final) => final.channel === channel);
        const spoken = mostSpoken(own);
        return {
          channel,
          text: joinTexts(segments.filter((segment) => segment.channel === channel)),
          language: spoken,
          languageProbability: spoken === "" ? 0 : 1,
        };
      }),
    }),
    stats: {
      wordCount: countWords(text),
      charCount: countCodePoints(text),
      speechDuration: stats.speech,
      windowCount: stats.steps,
      processingTime: stats.processingTime,
      speedFactor: speedFactor(stats.received, stats.processingTime),
    },
    warnings: [],
    format: { container: "raw", channels, sampleRate: options.sampleRate ?? 16_000 },
    model: info.model.name,
    implementation: info.implementation,
    computeType: info.model.computeType,
    device: info.device,
  };
}

function segmentOf(final: LiveFinal, isApart: boolean): Segment {
  const { text, start, end, words, confidence, avgLogProb, noSpeechProb, channel, language } = final;
  return {
    id: 0,
    start,
    end,
    text,
    confidence,
    avgLogProb,
    noSpeechProb,
    compressionRatio: compressionRatio(text),
    temperature: 0,
    ...(isApart && { channel }),
    ...(final.speaker !== undefined && {
      speaker: final.speaker,
      speakerConfidence: final.speakerConfidence ?? 0,
    }),
    language,
    ...(words && { words }),
  };
}

/** Language of most of the finals' time; empty where nothing was said. */
function mostSpoken(finals: readonly LiveFinal[]): string {
  const seconds = new Map<string, number>();
  for (const { language, start, end } of finals)
    seconds.set(language, (seconds.get(language) ?? 0) + end - start);
  return [...seconds].sort(([, a], [, b]) => b - a)[0]?.[0] ?? "";
}
