// Made from proto/v1/transcription.proto by npm run generate:grpc: change that file instead.

export interface AudioRequest {
  /** The file's bytes; must not be empty. */
  audio_data: Buffer;
  /** Must end in .mp3, .wav, .m4a, .flac, .ogg or .aac, in any case. The content decides how it is decoded. */
  filename: string;
  /** For the log only. */
  format: string;
}

export interface AudioChunk {
  /** The next bytes of the file. */
  chunk_data: Buffer;
  /** As in AudioRequest. This and the fields below are read from the first chunk only. */
  filename: string;
  /** For the log only. */
  format: string;
  /** Not used: the file tells its own, in Hz. */
  sample_rate: number;
}

export interface TranscriptionResponse {
  /** Empty for a recording without speech, which is a success, and for failures. */
  transcript: string;
  success: boolean;
  /** Empty on success. */
  error_message: string;
  /** Seconds from the complete request to this answer. */
  processing_time: number;
  /** Seconds; 0 for failures. */
  audio_duration: number;
  /** All zero for failures. */
  stats: TranscriptionStats | null;
}

export interface TranscriptionStats {
  /** Words of the transcript, split at white space. */
  word_count: number;
  /** Unicode code points of the transcript. */
  char_count: number;
  /** audio_duration / processing_time; 0 if processing_time is 0. */
  speed_factor: number;
}
