/**
 * Messages of `proto/v2/transcription.proto` as they are received: messages that are not set are null, everything else
 * is set; enums are names, or numbers that the contract does not have.
 */

export interface TranscribeRequest {
  config: TranscriptionConfig | null;
  audio: Buffer;
}

export interface UploadRequest {
  payload?: "config" | "data";
  config?: TranscriptionConfig;
  data?: Buffer;
}

export interface TranscriptionConfig {
  options: TranscriptionOptions | null;
  filename: string;
  events_only: boolean;
  max_result_bytes: number;
}

export interface TranscriptionOptions {
  language: string;
  task: string | number;
  beam_size: number;
  best_of: number;
  patience: number;
  length_penalty: Wrapped<number>;
  temperatures: number[];
  compression_ratio_threshold: Threshold | null;
  log_prob_threshold: Threshold | null;
  no_speech_threshold: Threshold | null;
  initial_prompt: string;
  hotwords: string[];
  condition_on_previous_text: boolean;
  suppress_blank: Wrapped<boolean>;
  suppress_tokens: { ids: number[] } | null;
  without_timestamps: boolean;
  word_timestamps: boolean;
  max_tokens: number;
  vad_filter: string | number;
  vad_options: VadOptions | null;
  chunk_length: number;
  channels: ChannelSelection | null;
  seed: number;
  timeout: number;
  max_duration: number;
  repetition_penalty: number;
  no_repeat_ngram_size: number;
  hallucination_silence_threshold: number;
  prompt_reset_on_temperature: Wrapped<number>;
  multilingual: boolean;
  language_detection_threshold: Wrapped<number>;
  language_detection_segments: number;
  clip_timestamps: number[];
  max_initial_timestamp: Wrapped<number>;
  prepend_punctuations: Wrapped<string>;
  append_punctuations: Wrapped<string>;
  top_k: Wrapped<number>;
  top_p: number;
  system_prompt: string;
  user_prompt: string;
  track: Wrapped<number>;
  carry_initial_prompt: boolean;
  prefix: string;
  diarization: DiarizationMessage | null;
  roles: RolesMessage | null;
}

export interface DiarizationMessage {
  num_speakers: number;
  min_speakers: number;
  max_speakers: number;
  embeddings: boolean;
}

export interface RolesMessage {
  seller_channel: Wrapped<number>;
  direction: string | number;
  speakers: Record<string, string | number>;
}

export type Wrapped<T> = { value: T } | null;

export interface Threshold {
  threshold?: "value" | "off";
  value?: number;
  off?: boolean;
}

export interface VadOptions {
  threshold: number;
  neg_threshold: number;
  min_speech_duration: Wrapped<number>;
  min_silence_duration: Wrapped<number>;
  speech_pad: Wrapped<number>;
  max_speech_duration: number;
}

export interface ChannelSelection {
  selection?: "each" | "index";
  each?: boolean;
  index?: number;
}

export type TranscriptionEvent =
  | { upload: { bytes_received: number; complete: boolean } }
  | { progress: { processed: number; total?: { value: number }; speed_factor: number } }
  | { segment: SegmentMessage }
  | { result: ResultMessage };

export interface SegmentMessage {
  id: number;
  start: number;
  end: number;
  text: string;
  confidence: number;
  avg_log_prob: number;
  no_speech_prob: number;
  compression_ratio: number;
  temperature: number;
  channel?: { value: number };
  words: WordMessage[];
  language: string;
  speaker: string;
  speaker_confidence: number;
}

export interface WordMessage {
  start: number;
  end: number;
  text: string;
  confidence: number;
  speaker: string;
  speaker_confidence: number;
}

export interface SpeakerMessage {
  id: string;
  role: string;
  role_confidence: number;
  evidence: string[];
  talk_time: number;
  turns: number;
  embedding: readonly number[];
}

export interface TurnMessage {
  start: number;
  end: number;
  speaker: string;
  confidence: number;
  channel: Wrapped<number>;
}

export interface ResultMessage {
  text: string;
  segments: SegmentMessage[];
  language: string;
  language_probability: number;
  duration: number;
  channels: { channel: number; text: string; language: string; language_probability: number }[];
  statistics: {
    word_count: number;
    char_count: number;
    speech_duration: number;
    window_count: number;
    draft_proposed: number;
    draft_accepted: number;
  };
  timings: { upload: number; queue: number; processing: number; speed_factor: number };
  warnings: string[];
  format: {
    container: string;
    codec: string;
    sample_rate: number;
    channels: number;
    track: Wrapped<number>;
    track_count: number;
  };
  model: string;
  implementation: string;
  device: DeviceMessage;
  request_id: string;
  compute_type: string;
  speakers: SpeakerMessage[];
  turns: TurnMessage[];
}

export interface DeviceMessage {
  kind: string;
  name: string;
  threads: number;
}
