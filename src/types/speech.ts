/** A stretch of speech. */
export interface SpeechSpan {
  /** Seconds. */
  start: number;
  /** Seconds. */
  end: number;
}

/** Where somebody speaks in a recording. */
export interface SpeechDetection {
  /** In order, apart from each other. */
  speech: SpeechSpan[];
  /** Seconds of audio. */
  duration: number;
  /** Seconds from call to result. */
  processingTime: number;
  /** What was odd about the input but survivable. */
  warnings: string[];
}
