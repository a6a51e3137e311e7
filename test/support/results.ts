import type { Segment, TranscriptionResult, Word } from "../../src/types/result.js";

/** A segment with everything a test does not care about. */
export function segment(start: number, end: number, text: string, extra: Partial<Segment> = {}): Segment {
  return {
    id: 0,
    start,
    end,
    text,
    confidence: 0.9,
    avgLogProb: -0.1,
    noSpeechProb: 0.01,
    compressionRatio: 1.2,
    temperature: 0,
    ...extra,
  };
}

/** Words of one length that follow one another from `start`. */
export function evenWords(start: number, each: number, texts: readonly string[]): Word[] {
  return texts.map((text, index) => ({
    start: start + index * each,
    end: start + (index + 1) * each,
    text,
    confidence: 0.8,
  }));
}

export function result(segments: Segment[], extra: Partial<TranscriptionResult> = {}): TranscriptionResult {
  const text = segments.map((part) => part.text).join(" ");
  return {
    text,
    task: "transcribe",
    segments: segments.map((part, id) => ({ ...part, id })),
    language: "en",
    languageProbability: 0.98,
    languageProbabilities: [],
    duration: 12,
    stats: {
      wordCount: text.split(/\s+/).filter(Boolean).length,
      charCount: [...text].length,
      speechDuration: 10,
      windowCount: 1,
      processingTime: 0.5,
      speedFactor: 24,
    },
    warnings: [],
    format: { container: "wav", codec: "pcm_s16le", sampleRate: 16_000, channels: 1 },
    model: "demo",
    implementation: "whisper-cpp",
    computeType: "int8",
    device: { kind: "cpu", name: "Test CPU", threads: 2 },
    ...extra,
  };
}
