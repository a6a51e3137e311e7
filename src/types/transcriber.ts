import type { AudioInput, ChannelSelection } from "./audio.js";
import type { DeviceInfo, EngineLoad, LanguageDetection, ModelInfo } from "./engine.js";
import type { LiveOptions, LiveStream } from "./live.js";
import type { TranscribeOptions } from "./options.js";
import type { Segment, TranscriptionResult } from "./result.js";

/** Options of {@link Transcriber.detectLanguage}: those of a transcription that say what is listened to, and how much. */
export interface DetectLanguageOptions
  extends Pick<
    TranscribeOptions,
    | "languageDetectionThreshold"
    | "languageDetectionSegments"
    | "clipTimestamps"
    | "vadFilter"
    | "vadOptions"
    | "chunkLength"
    | "track"
    | "limits"
    | "timeout"
    | "priority"
    | "signal"
  > {
  /** `"mix"`, or the index of a channel, from 0. Default `"mix"`. */
  channels?: Exclude<ChannelSelection, "each">;
}

/** Segments of a recording while it is transcribed. */
export interface TranscriptionStream extends AsyncIterableIterator<Segment> {
  /**
   * Everything about the recording, when all of it is transcribed. Asking for it starts the work, too.
   * @throws TranscriptionError what `next()` throws; CANCELLED when the loop was left before the end
   */
  readonly result: Promise<TranscriptionResult>;
}

/** What a transcriber works with. */
export interface TranscriberInfo {
  /** What runs the model: `"whisper"`, `"whisper-cpp"`, `"borealis"` or one of your own. */
  implementation: string;
  /** What is loaded. */
  model: ModelInfo;
  /** What it runs on. */
  device: DeviceInfo;
  /** Longest window in seconds. */
  maxWindow: number;
  /** Codes of the languages that the model has. */
  languages: readonly string[];
  /** Whether it tells the times of words: where it does not, `wordTimestamps` is refused. */
  timesWords: boolean;
}

/**
 * A loaded model, ready for any number of requests at once. Made by `createTranscriber()`; those of the same model
 * and settings share one copy of it.
 */
export interface Transcriber extends AsyncDisposable {
  /** What it works with: model, device, languages. */
  readonly info: TranscriberInfo;

  /**
   * Refuses options as {@link transcribe} would before it reads its input: for callers whose input is yet to come.
   * @throws TranscriptionError INVALID_ARGUMENT; CANCELLED once the transcriber is closed
   */
  checkOptions(options: TranscribeOptions): void;

  /**
   * Text of a recording.
   * @throws TranscriptionError with any of `ERROR_CODES`; CANCELLED also once the transcriber is closed
   */
  transcribe(input: AudioInput, options?: TranscribeOptions): Promise<TranscriptionResult>;

  /**
   * Segments as they are finished, in order of time within their channel. Work starts with the first `next()` and
   * goes on while the consumer is busy; finished segments wait for it. Leaving the loop cancels the rest.
   * @throws TranscriptionError INVALID_ARGUMENT at once, everything else from `next()`, after the segments before it
   */
  stream(input: AudioInput, options?: TranscribeOptions): TranscriptionStream;

  /**
   * Language of a recording, from as much of its speech as settles it. Nothing spoken: language `""`, probability 0.
   * @throws TranscriptionError as {@link transcribe}; INVALID_ARGUMENT for options that have nothing to do with it
   */
  detectLanguage(input: AudioInput, options?: DetectLanguageOptions): Promise<LanguageDetection>;

  /**
   * Text of audio while it is spoken. The stream listens from now on, until it is ended or cancelled: see
   * {@link LiveStream}. Its text comes before that of recordings.
   * @throws TranscriptionError INVALID_ARGUMENT at once, also without a VAD model; everything else from what is waited for
   */
  live(options?: LiveOptions): LiveStream;

  /** How busy the engine is with the windows of all who share it; undefined when its implementation does not tell. */
  load(): EngineLoad | undefined;

  /**
   * Refuses new requests, waits for those that run, and frees the model unless another transcriber uses it. Live streams are
   * ended: what was written is transcribed.
   * Safe to call more than once.
   */
  close(): Promise<void>;
}
