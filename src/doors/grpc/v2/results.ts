import type { DeviceInfo, Progress, Segment } from "../../../index.js";
import type { Stages } from "../../../service/call/call.js";
import type { Work } from "../../../service/workers.js";
import type * as messages from "./messages.js";

const ROLES = { seller: "SPEAKER_ROLE_SELLER", client: "SPEAKER_ROLE_CLIENT" } as const;

type Label = "speaker" | "speaker_confidence";
type SentWord = Omit<messages.Word, Label> & Partial<Pick<messages.Word, Label>>;
export type SentSegment = Omit<messages.Segment, Label | "words"> &
  Partial<Pick<messages.Segment, Label>> & { words: SentWord[] };

/** A result as it is sent: words and segments may be without speakers. */
export type SentResult = Omit<messages.TranscriptionResult, "segments"> & { segments: SentSegment[] };

/** @param stages how long the call took for what */
export function toResult(
  { result, processing }: Work,
  { unread, uploading, waiting }: Stages,
  requestId: string,
): SentResult {
  const { channels = [], format, speakers = [], stats, turns = [] } = result;
  return {
    text: result.text,
    segments: result.segments.map(toSegment),
    language: result.language,
    language_probability: result.languageProbability,
    duration: result.duration,
    channels: channels.map(({ channel, text, language, languageProbability }) => ({
      channel,
      text,
      language,
      language_probability: languageProbability,
    })),
    statistics: {
      word_count: stats.wordCount,
      char_count: stats.charCount,
      speech_duration: stats.speechDuration,
      window_count: stats.windowCount,
      draft_proposed: stats.draft?.proposed ?? 0,
      draft_accepted: stats.draft?.accepted ?? 0,
    },
    timings: {
      upload: uploading,
      queue: unread + waiting,
      processing,
      speed_factor: processing > 0 ? result.duration / processing : 0,
    },
    warnings: result.warnings,
    format: {
      container: format.container,
      codec: format.codec ?? "",
      sample_rate: format.sampleRate ?? 0,
      channels: format.channels,
      track: format.track === undefined ? null : { value: format.track },
      track_count: format.trackCount ?? 0,
    },
    model: result.model,
    implementation: result.implementation,
    device: toDevice(result.device),
    request_id: requestId,
    compute_type: result.computeType,
    language_probabilities: [...result.languageProbabilities],
    speakers: speakers.map((speaker) => ({
      id: speaker.id,
      role: speaker.role === null ? "SPEAKER_ROLE_UNSPECIFIED" : ROLES[speaker.role],
      role_confidence: speaker.roleConfidence,
      evidence: speaker.evidence,
      talk_time: speaker.talkTime,
      turns: speaker.turns,
      embedding: [...(speaker.embedding ?? [])],
      name: speaker.name ?? "",
    })),
    turns: turns.map(({ channel, ...turn }) => ({
      ...turn,
      channel: channel === undefined ? null : { value: channel },
    })),
  };
}

export function toSegment(segment: Segment): SentSegment {
  return {
    id: segment.id,
    start: segment.start,
    end: segment.end,
    text: segment.text,
    confidence: segment.confidence,
    avg_log_prob: segment.avgLogProb,
    no_speech_prob: segment.noSpeechProb,
    compression_ratio: segment.compressionRatio,
    temperature: segment.temperature,
    channel: segment.channel === undefined ? null : { value: segment.channel },
    words: (segment.words ?? []).map(({ start, end, text, confidence, ...word }) => ({
      start,
      end,
      text,
      confidence,
      ...toLabel(word),
    })),
    language: segment.language ?? "",
    tokens: [...(segment.tokens ?? [])],
    ...toLabel(segment),
  };
}

/** Nothing where speakers were not asked for: sent with each word, even nothing takes bytes. */
function toLabel({ speaker, speakerConfidence }: Pick<Segment, "speaker" | "speakerConfidence">) {
  return speaker === undefined ? {} : { speaker: speaker ?? "", speaker_confidence: speakerConfidence ?? 0 };
}

export function toProgress({ processed, total, speedFactor }: Progress): messages.TranscriptionEvent {
  return {
    progress: {
      processed,
      total: total === undefined ? null : { value: total },
      speed_factor: speedFactor,
    },
  };
}

export function toDevice({ kind, name, threads }: DeviceInfo): messages.Device {
  return { kind, name, threads };
}
