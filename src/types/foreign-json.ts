/** A word of {@link VerboseJson}. */
export interface VerboseJsonWord {
  /** Without the punctuation around it. */
  word: string;
  /** Seconds. */
  start: number;
  /** Seconds. */
  end: number;
}

/** A segment of {@link VerboseJson}. */
export interface VerboseJsonSegment {
  /** Counted from 0. */
  id: number;
  /** Hundredths of a second at which it begins. */
  seek: number;
  /** Seconds. */
  start: number;
  /** Seconds. */
  end: number;
  /** With its leading space. */
  text: string;
  /** Of the model's vocabulary. */
  tokens: readonly number[];
  /** That it was decoded at, 0 to 2. */
  temperature: number;
  /** Natural logarithm, mean of its tokens. */
  avg_logprob: number;
  /** Bytes of text through bytes of its zlib compression. */
  compression_ratio: number;
  /** Probability of silence, 0 to 1. */
  no_speech_prob: number;
}

/** The answer of OpenAI's API with `response_format=verbose_json`. */
export interface VerboseJson {
  /** What was done. */
  task: "transcribe" | "translate";
  /** By its English name in lower case. */
  language: string;
  /** Seconds. */
  duration: number;
  /** All of it. */
  text: string;
  /** Where they were timed. */
  words?: VerboseJsonWord[];
  /** In order. */
  segments: VerboseJsonSegment[];
}

/** A word of {@link WhisperXJson}. */
export interface WhisperXWord {
  /** With its punctuation. */
  word: string;
  /** Seconds, with three decimals. */
  start: number;
  /** Seconds, with three decimals. */
  end: number;
  /** How sure it is, 0 to 1, with three decimals. */
  score: number;
  /** Who says it; missing where that is not known. */
  speaker?: string;
}

/** A segment of {@link WhisperXJson}. */
export interface WhisperXSegment {
  /** Seconds, with three decimals. */
  start: number;
  /** Seconds, with three decimals. */
  end: number;
  /** What is said. */
  text: string;
  /** Natural logarithm, mean of its tokens. */
  avg_logprob: number;
  /** Where they were timed. */
  words?: WhisperXWord[];
  /** Who says it; missing where that is not known. */
  speaker?: string;
}

/** What WhisperX writes as JSON. */
export interface WhisperXJson {
  /** In order. */
  segments: WhisperXSegment[];
  /** Those of all segments, where they were timed. */
  word_segments?: WhisperXWord[];
  /** By speaker, where they were asked for. */
  speaker_embeddings?: Record<string, readonly number[]>;
  /** Its code. */
  language: string;
}
