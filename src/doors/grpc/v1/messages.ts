/** Messages of `proto/v1/transcription.proto` as they are received: every field is set. */

export interface AudioRequest {
  audio_data: Buffer;
  filename: string;
  format: string;
}

export interface AudioChunk {
  chunk_data: Buffer;
  filename: string;
  format: string;
  sample_rate: number;
}

export interface TranscriptionResponse {
  transcript: string;
  success: boolean;
  error_message: string;
  processing_time: number;
  audio_duration: number;
  stats: TranscriptionStats;
}

export interface TranscriptionStats {
  word_count: number;
  char_count: number;
  speed_factor: number;
}
