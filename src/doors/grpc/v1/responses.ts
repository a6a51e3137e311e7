import type { TranscriptionResult } from "../../../index.js";
import type { TranscriptionResponse } from "./messages.js";

/** @param seconds from the complete request to now */
export function success(
  { text, duration, stats }: TranscriptionResult,
  seconds: number,
): TranscriptionResponse {
  return {
    transcript: text,
    success: true,
    error_message: "",
    processing_time: seconds,
    audio_duration: duration,
    stats: {
      word_count: stats.wordCount,
      char_count: stats.charCount,
      speed_factor: seconds > 0 ? duration / seconds : 0,
    },
  };
}

/** @param seconds as for {@link success}; since the call began when the request never became complete */
export function failure(message: string, seconds: number): TranscriptionResponse {
  return {
    transcript: "",
    success: false,
    error_message: message,
    processing_time: seconds,
    audio_duration: 0,
    stats: { word_count: 0, char_count: 0, speed_factor: 0 },
  };
}
