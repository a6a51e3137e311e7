import type { AudioLimits, ChannelSelection } from "./audio.js";
import type { ComputeTypeName, DeviceSelection, Priority, TranscriptionTask } from "./choices.js";
import type { DeviceInfo, ModelInfo } from "./engine.js";
import type { ImplementationName, LanguageName, ModelName, VadModelName } from "./names.js";
import type { Segment } from "./result.js";
import type { DiarizationOptions, RoleOptions } from "./speakers.js";

/** Voice activity detection, with Silero's names and the defaults of faster-whisper 1.2.1. */
export interface VadOptions {
  /** Probability from which a frame is speech, 0.01 to 1. Default 0.5. */
  threshold?: number;
  /** Probability below which speech ends, 0 to `threshold`. Default `threshold - 0.15`, at least 0.01. */
  negThreshold?: number;
  /** Shorter bursts of speech are dropped; seconds, 0 to 30. Default 0. */
  minSpeechDuration?: number;
  /** Shorter pauses do not end speech; seconds, 0 to 30. Default 2. */
  minSilenceDuration?: number;
  /** Added before and after each stretch of speech; seconds, 0 to 5. Default 0.4. */
  speechPad?: number;
  /**
   * Longer stretches of speech are parted, pads included, at their last silence above 98 ms, or without one just before they
   * are longer. Seconds, more than twice `speechPad` and 0.1. Default `Infinity`.
   */
  maxSpeechDuration?: number;
}

/** Options of one request. Names are those of faster-whisper in camelCase. */
export interface TranscribeOptions {
  /** Code (`"ru"`), tag (`"pt-BR"`), English or own name (`"russian"`, `"русский"`), in any case, or `"auto"`. Default `"auto"`. */
  language?: LanguageName;
  /** `"transcribe"` keeps the spoken language, `"translate"` writes English. Default `"transcribe"`. */
  task?: TranscriptionTask;
  /** Beams kept by beam search, 1 to 8; 1 is greedy. Default 1. */
  beamSize?: number;
  /** Samples drawn at temperatures above 0, of which the best is kept, 1 to 8. Default 5. */
  bestOf?: number;
  /** Beam search patience, above 0, at most 100. Default 1. The `whisper-cpp` implementation supports 1 only. */
  patience?: number;
  /** Exponent of the length by which a beam's score is divided, 0 to 10. Default: plain mean (whisper.cpp's -1). */
  lengthPenalty?: number;
  /** The temperature, or up to 20 to try in turn, each 0 to 2. Default [0, 0.2, 0.4, 0.6, 0.8, 1]. */
  temperature?: number | readonly number[];
  /**
   * Text that repeats itself more (size over compressed size, 0 to 1000) is decoded again at the next temperature; null
   * switches it off. Default 2.4.
   */
  compressionRatioThreshold?: number | null;
  /** Text less probable than this (mean log probability, -1000 to 0) is decoded again; null switches it off. Default -1. */
  logProbThreshold?: number | null;
  /** Above this probability of silence, 0 to 1, improbable text is dropped; null switches it off. Default 0.6. */
  noSpeechThreshold?: number | null;
  /** Makes tokens that were written less probable; 0.01 to 100, 1 for none. Not with `whisper-cpp`. Default 1. */
  repetitionPenalty?: number;
  /** No run of this many tokens, 0 to 448, is written twice in a window; 0 for no such rule. Not with `whisper-cpp`. Default 0. */
  noRepeatNgramSize?: number;
  /**
   * Drops text that is probably invented – of odd words – where it stands in silence longer than this, in seconds above
   * 0 to 30, and listens again after it; null for none. Not with `whisper-cpp`. Default null.
   */
  hallucinationSilenceThreshold?: number | null;
  /**
   * Text that the recording might follow on from: names, spelling, style. For the first window of each channel, and with
   * `conditionOnPreviousText` for those after it as long as there is room. Of a long one the end is used. Default: none.
   */
  initialPrompt?: string;
  /** Give every window the initial prompt. Default false. */
  carryInitialPrompt?: boolean;
  /** Words to expect, for every window. Of more than fit into the prompt the first ones are used. Default: none. */
  hotwords?: string | readonly string[];
  /**
   * Text that the first window of each channel is to begin with, and does. That window is given no hotwords. Of a long one the
   * first words are used. `whisper` only. Default: none.
   */
  prefix?: string;
  /** Give each window the text of those before, as much as fits. Slower and prone to repetition. Default false. */
  conditionOnPreviousText?: boolean;
  /** Text decoded above this temperature is not given to the next window, 0 to 2. Default 0.5. */
  promptResetOnTemperature?: number;
  /**
   * The recording changes between languages: each window's is detected by itself, and noted in its segments. Needs
   * `language` to be `"auto"`. Default false.
   */
  multilingual?: boolean;
  /** Probability from which a window settles the language of the recording, 0 to 1. Default 0.5. */
  languageDetectionThreshold?: number;
  /** Windows to hear at most for the language of the recording, 1 to 1000. Default 4. */
  languageDetectionSegments?: number;
  /**
   * Start, end, start, end, … of the stretches to transcribe, in seconds, rising; without the last end, to the end of
   * the recording. Default: everything.
   */
  clipTimestamps?: readonly number[];
  /** No blank at the start of a segment. Default true. */
  suppressBlank?: boolean;
  /** Token ids never to be produced, from 0; -1 stands for all non-speech symbols. Default [-1]. */
  suppressTokens?: readonly number[];
  /**
   * Write numbers in words: no token with a digit, a percent sign or a sign of money is produced. `whisper` only. Default
   * false.
   */
  suppressNumerals?: boolean;
  /** One segment per window without times inside it. Default false. */
  withoutTimestamps?: boolean;
  /** Latest start of a window's first segment, in seconds after the window's, 0 to 30. Default 1; fixed with `whisper-cpp`. */
  maxInitialTimestamp?: number;
  /** Start, end and confidence of each word. Default false. */
  wordTimestamps?: boolean;
  /**
   * Characters that are part of the word after them; those of the default that are left out are words of their own.
   * Default: opening quotes and brackets; fixed with `whisper-cpp`.
   */
  prependPunctuations?: string;
  /**
   * Characters that are part of the word before them; those of the default that are left out are words of their own.
   * Default: closing punctuation; fixed with `whisper-cpp`.
   */
  appendPunctuations?: string;
  /** Most tokens per window, 1 to 448 by model. Default: what the model allows. */
  maxTokens?: number;
  /**
   * Skip what is not speech, with the VAD model that `vadModel` names or the one of the package. `"auto"` does too, but
   * accepts `vadModel: null`; without a VAD model, and with `false`, only silence is left out. Default `"auto"`.
   */
  vadFilter?: boolean | "auto";
  /** What counts as speech, with a VAD model. */
  vadOptions?: VadOptions;
  /** Longest window in seconds, 1 to 30. Default: what the model reads well. */
  chunkLength?: number;
  /** `"mix"`: all in one; `"each"`: every channel apart; a number: that channel alone, 0 to 63. Default `"mix"`. */
  channels?: ChannelSelection;
  /**
   * Tell who says what. Of a recording with two channels whose sound differs, each is transcribed by itself and is a
   * speaker; what is mixed in one channel needs a diarization model. Words are timed for it where the implementation can.
   * Segments are reported at the end. Default false.
   */
  diarize?: boolean | DiarizationOptions;
  /** With `diarize`: tell seller from client. Default false. */
  roles?: boolean | RoleOptions;
  /**
   * Which of a file's audio tracks to transcribe, 0 to 999 in the file's order. Default: of those with sound in them the
   * one that the file flags as default, else the first; `warnings` of the result say which of how many it was.
   */
  track?: number;
  /** Seed of sampling at temperatures above 0, 0 to 2³¹ − 1. Default 0. */
  seed?: number;
  /** `borealis`, at temperatures above 0: draws from so many of the most probable tokens, up to a million; 0 for all. Default 50. */
  topK?: number;
  /** `borealis`, at temperatures above 0: draws from the most probable tokens that make up so much, 0.01 to 1. Default 0.9. */
  topP?: number;
  /** `borealis`: what the model is told first, at most 10 000 characters. Default: what it was trained with. */
  systemPrompt?: string;
  /** `borealis`: what the model is told before the audio, at most 10 000 characters. Default: what it was trained with. */
  userPrompt?: string;
  /** Limits on the input, over those of the transcriber. Default: 4 GiB, 12 hours, 600 s of decoding. */
  limits?: Partial<AudioLimits>;
  /** Seconds until the request fails with `DEADLINE_EXCEEDED`, above 0, at most a week. Default: none. */
  timeout?: number;
  /**
   * `"interactive"`: the first text comes as soon as it can, and requests take turns. `"bulk"`, for work that nobody waits
   * for: has what others leave of the device, at least a fifth of it, and is done soonest as a whole. With `whisper-cpp`,
   * which has one window after another, all are the same. Default `"interactive"`.
   */
  priority?: Priority;
  /** Stops the request within 200 ms; the promise rejects with `CANCELLED`. */
  signal?: AbortSignal;
  /** Called with finished segments, in order of time within their channel, while the rest is still running. */
  onSegment?: (segment: Segment) => void;
  /** Called as windows finish. */
  onProgress?: (progress: Progress) => void;
}

/** How far a transcription is. */
export interface Progress {
  /** Seconds of audio that are finished. */
  processed: number;
  /** Seconds in all: exact once the input is decoded, before that what its header announces, else undefined. */
  total: number | undefined;
  /** Seconds of audio per second so far. */
  speedFactor: number;
}

/** Options of a transcriber: what is loaded once and shared by its requests. */
export interface TranscriberOptions {
  /**
   * Name in the registry (`listModels()`), path of a model file, folder of a converted Borealis model or of a checkpoint
   * (Hugging Face's layout or faster-whisper's), or name of a Whisper or Borealis checkpoint on the Hugging Face Hub.
   * Default: `AGORA_MODEL` of the environment, else `"large-v3-turbo-q5_0"`, with the implementation `borealis`
   * `"Vikhrmodels/Borealis"`.
   */
  model?: ModelName;
  /**
   * What runs the model: `"whisper"`, the batched engine; `"whisper-cpp"`, whisper.cpp's own decoder, one window after
   * another; `"borealis"`. Default `"borealis"` for a model of its kind, else `"whisper"`.
   */
  implementation?: ImplementationName;
  /** Where it runs; `"auto"`: CUDA where it works, else the CPU. Default `"auto"`. */
  device?: DeviceSelection;
  /** Windows that `whisper` or `borealis` decodes together, 1 to 256. Default 16, with `borealis` 32. */
  batchSize?: number;
  /** Compute threads, 1 to 256, and at most the cores that this process may use, quotas included. Default: those, at most 8. */
  threads?: number;
  /**
   * Default `"auto"`. Weights of another type are converted as they are loaded; `whisper-cpp` has the file's own type
   * only. `"float32"` computes the model as it was published, with the exact GELU; narrower types take its approximation,
   * and on a CPU leave out most frames of the silence behind a short window (docs/short-recordings.md).
   */
  computeType?: ComputeTypeName;
  /**
   * Speculative decoding for the `whisper` implementation: name or path of a small model with the same vocabulary – a
   * distil or tiny one – that writes ahead, so that the model only has to check. The text is the model's own; greedy
   * search gets faster. Default: none.
   */
  draftModel?: ModelName;
  /** CPU variant to use instead of the best one, e.g. `"haswell"`. For tests and diagnosis. */
  cpuVariant?: string;
  /** VAD model: name or path; null for none. Default: Silero v6.2.0, which comes with the package. */
  vadModel?: VadModelName | null;
  /** Download models that are not cached. Default true, unless `AGORA_OFFLINE` is set. */
  download?: boolean;
  /** Folder of downloaded and converted models. Default: `AGORA_CACHE_DIR`, else `~/.cache/agora-transcribe/models`. */
  cacheDir?: string;
  /** Called while a model is downloaded, or converted after that. */
  onDownload?: (progress: DownloadProgress) => void;
  /** Stops loading, downloads included. Requests have a signal of their own. */
  signal?: AbortSignal;
  /** Windows waiting in all before new ones are refused with `QUEUE_FULL`, 1 to a million. Default 1024. */
  maxQueue?: number;
  /** Limits on inputs, for all requests. Default: 4 GiB, 12 hours, 600 s of decoding. */
  limits?: Partial<AudioLimits>;
}

/** How far a download is. */
export interface DownloadProgress {
  /** What is downloaded, by the name it goes by. */
  model: string;
  /** Bytes that are here, those of an earlier attempt included. */
  received: number;
  /** Bytes in all; undefined where the server does not tell. */
  total: number | undefined;
  /** Of a checkpoint that is made a model after its download: the fraction that is done, 0 to 1. */
  converted?: number;
}

export type { AudioLimits, ChannelSelection, DeviceInfo, ModelInfo };
