import type { AudioFormat } from "./audio.js";
import type { TranscriptionTask } from "./choices.js";
import type { DeviceInfo, DraftCount } from "./engine.js";
import type { Speaker, SpeakerTurn } from "./speakers.js";

/**
 * All times are seconds on the recording's clock: within a channel one after the other, at least 20 ms long, and inside
 * the recording.
 */
export interface Word {
  /** Seconds. */
  start: number;
  /** Seconds. */
  end: number;
  /** The word with its punctuation, without surrounding white space; `spacedWords()` gives it back. */
  text: string;
  /** Mean probability of its tokens, 0 to 1. */
  confidence: number;
  /** With `diarize`: id of who says it; null where nobody is heard. */
  speaker?: string | null;
  /** With `diarize`: share of the word in which that speaker is heard, 0 to 1. */
  speakerConfidence?: number;
}

/** A stretch of speech with its text: a phrase or a sentence, as the model divides it. */
export interface Segment {
  /** From 0, in order of start. */
  id: number;
  /** Seconds on the recording's clock. */
  start: number;
  /** Seconds on the recording's clock. */
  end: number;
  /** Without surrounding white space, never empty. */
  text: string;
  /** Mean probability of its tokens, 0 to 1. */
  confidence: number;
  /** Mean log probability of its tokens. */
  avgLogProb: number;
  /** Probability that there is no speech, 0 to 1. */
  noSpeechProb: number;
  /** gzip-like ratio of the text's size to its compressed size; above about 2.4 it repeats itself. */
  compressionRatio: number;
  /** Temperature that the text was accepted at. */
  temperature: number;
  /** Index of the channel with `channels: "each"`, else absent. */
  channel?: number;
  /** ISO 639-1 code of the window's language with `multilingual`, else absent. */
  language?: string;
  /** Ids of the text's tokens. Absent where the implementation does not tell. */
  tokens?: readonly number[];
  /** With `wordTimestamps`; the segment's times are theirs. */
  words?: Word[];
  /** With `diarize`: id of who says it, the only one, since segments are cut where the speaker changes; null: unknown. */
  speaker?: string | null;
  /** With `diarize`: the mean of its words', 0 to 1. */
  speakerConfidence?: number;
}

/** One channel's part of the result, with `channels: "each"`. */
export interface ChannelResult {
  /** From 0. */
  channel: number;
  /** Texts of its segments, joined with one space. */
  text: string;
  /** ISO 639-1 code; empty when nothing was spoken and none was given. */
  language: string;
  /** 0 to 1; 1 when the language was given. */
  languageProbability: number;
}

/** What was heard and written, and how fast. */
export interface TranscriptionStats {
  /**
   * Words of the text, split at white space, as timed words are. Chinese, Japanese, Thai and other languages without
   * white space have a sentence for a word here, and timed words within it: `charCount` measures them.
   */
  wordCount: number;
  /** Unicode code points of the text. */
  charCount: number;
  /** Seconds of audio that held speech and were transcribed, over all channels. */
  speechDuration: number;
  /** Windows that went through the model. */
  windowCount: number;
  /** With `draftModel`: tokens that it wrote ahead, and how many of them the model agreed with. */
  draft?: DraftCount;
  /** Seconds from call to result. */
  processingTime: number;
  /** `duration / processingTime`; 0 if nothing was measured. */
  speedFactor: number;
}

/** Everything about a recording: what `transcribe()` gives. */
export interface TranscriptionResult {
  /** Texts of the segments, joined with one space, in order of time. */
  text: string;
  /** In order of start. */
  segments: Segment[];
  /** Whether the text is in the spoken language, or in English. */
  task: TranscriptionTask;
  /**
   * ISO 639-1 code; of the first channel with speech for `channels: "each"`, and of most of the speech with
   * `multilingual`. Empty when nothing was spoken and none was given.
   */
  language: string;
  /** 0 to 1; 1 when the language was given. */
  languageProbability: number;
  /** Every language of the model with its probability, most probable first; empty when the language was given. */
  languageProbabilities: ReadonlyArray<{ language: string; probability: number }>;
  /** Seconds of audio. */
  duration: number;
  /** With `channels: "each"`. */
  channels?: ChannelResult[];
  /** With `diarize`: in order of first speech. */
  speakers?: Speaker[];
  /** With `diarize`: who speaks when, by start; overlaps are kept. */
  turns?: SpeakerTurn[];
  /** Counts and times. */
  stats: TranscriptionStats;
  /** What was odd about the input but survivable. */
  warnings: string[];
  /** What the input turned out to be. */
  format: AudioFormat;
  /** The model's name in the registry or on the Hub, or that of its file. */
  model: string;
  /** What ran the model: `"whisper"`, `"whisper-cpp"`, `"borealis"` or one of your own. */
  implementation: string;
  /** What the model was computed in, e.g. `"float16"` or `"int8"`. */
  computeType: string;
  /** What it ran on. */
  device: DeviceInfo;
}
