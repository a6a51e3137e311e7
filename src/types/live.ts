import type { TranscriptionTask } from "./choices.js";
import type { LanguageName } from "./names.js";
import type { VadOptions } from "./options.js";
import type { Word } from "./result.js";
import type { DiarizationOptions } from "./speakers.js";

/**
 * How the bytes of a live stream are to be read: 16 bits little or big endian, 32-bit floating point, 8 bits around 128,
 * or G.711. Samples of several channels are interleaved.
 */
export const LIVE_ENCODINGS = ["s16le", "s16be", "f32le", "u8", "mulaw", "alaw"] as const;
/** How the bytes of a live stream are to be read. */
export type LiveEncoding = (typeof LIVE_ENCODINGS)[number];

/**
 * What settles which words are final. `"alignatt"`: a word is as soon as the model's attention has left it behind (AlignAtt,
 * arXiv:2305.11408). `"local-agreement"`: a word is when two passes agree on it (LocalAgreement-2, arXiv:2307.14743), at twice
 * the work. `"auto"`: AlignAtt where the model can.
 */
export const LIVE_POLICIES = ["auto", "alignatt", "local-agreement"] as const;
/** What settles which words are final. */
export type LivePolicy = (typeof LIVE_POLICIES)[number];

/** Options of {@link Transcriber.live}. */
export interface LiveOptions {
  /** Of what is written, in Hz, an integer from 8 000 to 192 000. Default 16 000. */
  sampleRate?: number;
  /** Of what is written. Default `"s16le"`. */
  encoding?: LiveEncoding;
  /** Interleaved channels, 1 to 8. Each is transcribed by itself, on the same clock. Default 1. */
  channels?: number;
  /**
   * Code (`"ru"`), tag (`"pt-BR"`), English or own name, in any case, or `"auto"`: detected in each channel after 2 s of
   * speech, or at the end of its first utterance where that is shorter, and kept. Default `"auto"`.
   */
  language?: LanguageName;
  /** `"transcribe"` keeps the spoken language, `"translate"` writes English. Default `"transcribe"`. */
  task?: TranscriptionTask;
  /** Tell what is heard before it is final, as `partial` events. Default true. */
  interim?: boolean;
  /** Final events have words with their times. Default false. */
  words?: boolean;
  /** Silence that ends an utterance, in milliseconds, 200 to 5 000. Default 500. */
  endpointMs?: number;
  /** What settles which words are final. Default `"auto"`. */
  policy?: LivePolicy;
  /** Seconds of new audio from one pass of the model to the next, 0.2 to 5; under load they grow. Default 1. */
  step?: number;
  /** Text that every utterance might follow on from: names, spelling, style. Of a long one the end is used. Default: none. */
  initialPrompt?: string;
  /** Words to expect. Of more than fit into the prompt the first ones are used. Default: none. */
  hotwords?: string | readonly string[];
  /**
   * Finals tell who speaks, and are cut where the speaker changes. Of several channels each is one speaker; those of one
   * channel, or of each with `engine`, `model`, `numSpeakers` or `maxSpeakers`, are told apart by Nemotron's model while they
   * speak. Of more speakers of a channel than `numSpeakers` or `maxSpeakers`, those are kept who speak first. The other
   * options of diarization, and the `"community"` engine, which need all of a recording, are refused. Default false.
   */
  diarize?: boolean | DiarizationOptions;
  /** What counts as speech. Default: threshold 0.5, speech of at least 0.1 s. */
  vadOptions?: Pick<VadOptions, "threshold" | "negThreshold" | "minSpeechDuration">;
  /**
   * Keeps what is written, as a WAV file: its path, in place of a file that is there, or what takes its bytes. With
   * `LiveStats.recorded` it says how much was kept; a disk that is full in its course is a warning. Default: nothing is kept.
   */
  record?: string | LiveRecordingTarget;
  /** Ends the stream as {@link LiveStream.cancel} does. */
  signal?: AbortSignal;
}

/** What takes the bytes of a recording. One call at a time; both reject where they cannot. */
export interface LiveRecordingTarget {
  /** Writes bytes at a position: first a header, then one piece behind the other, and at the end the header anew. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** All is written, whatever the stream ended by. The `done` event, or the error, waits for it. */
  close(): Promise<void>;
}

/**
 * A transcription of audio while it is spoken. Audio goes in with `write`, events come out of the iterator, which one
 * consumer may go through once. Whoever does not read the events does not hold the stream up: of partial ones the
 * newest of each channel is kept, of lags the newest, finals all wait.
 */
export interface LiveStream extends AsyncIterable<LiveEvent>, AsyncDisposable {
  /**
   * Takes the next bytes, any number, cut anywhere; they are copied before it returns. Resolves when less than 15 s of
   * audio are unprocessed: who waits for it may send faster than real time. Audio is taken in all the same where nobody
   * waits.
   * @throws TranscriptionError INVALID_ARGUMENT for what is no bytes, or after `end`; what the stream failed with
   */
  write(audio: Uint8Array): Promise<void>;
  /**
   * Ends the utterances under way of all channels with what has been written. Resolves when their finals have been emitted.
   * @throws TranscriptionError what the stream failed with
   */
  flush(): Promise<void>;
  /**
   * Nothing more is written: the rest is transcribed. Resolves after `done` has been emitted. Again: the same promise.
   * @throws TranscriptionError what the stream failed with
   */
  end(): Promise<LiveStats>;
  /** Stops at once. The iterator rejects with CANCELLED, as does all that is waited for. After the end it does nothing. */
  cancel(reason?: Error): void;
  /** As {@link cancel}, and resolves when nothing of the stream runs any more. */
  close(): Promise<void>;
  /** Resolves, and never rejects, when nothing of the stream runs any more, whatever it ended by. */
  readonly closed: Promise<void>;
  /** How far it is; of several channels, the one that is least far. */
  readonly progress: LiveProgress;
}

/** Seconds on the stream's clock. */
export interface LiveProgress {
  /** Audio that was written. */
  received: number;
  /** Audio of which all is known that will be, or that is being listened to for words: what is left waits. */
  processed: number;
  /** Audio whose text, if any, is final. */
  committed: number;
}

interface Numbered {
  /**
   * Of the event, from 0 in the stream, without gaps but for partials and lags that were replaced before they were read.
   */
  seq: number;
}

interface OfChannel extends Numbered {
  /** From 0. */
  channel: number;
}

/** The first event: the stream listens. */
export interface LiveReady extends Numbered {
  /** Which event it is. */
  type: "ready";
  /** Name of the model. */
  model: string;
  /** Of what is to be written, in Hz. */
  sampleRate: number;
}

/** Somebody begins to speak, which begins an utterance. */
export interface LiveSpeechStart extends OfChannel {
  /** Which event it is. */
  type: "speech-start";
  /** From 0 in its channel. */
  utterance: number;
  /** Seconds. */
  time: number;
}

/**
 * What language is spoken in a channel, where it was to be detected: before its first final event, and again where more
 * speech changes it.
 */
export interface LiveLanguage extends OfChannel {
  /** Which event it is. */
  type: "language";
  /** ISO 639-1 code. */
  language: string;
  /** 0 to 1; 1 where the model has but one. */
  probability: number;
}

/** The text of the utterance since its last final, as it looks now. Each replaces the one before. */
export interface LivePartial extends OfChannel {
  /** Which event it is. */
  type: "partial";
  /** From 0 in its channel. */
  utterance: number;
  /** Without surrounding white space; empty where what was shown before turned out to be nothing. */
  text: string;
  /** Characters (UTF-16 units) at its beginning that are settled: whole words, which only a guard takes back. */
  stableLength: number;
  /** Seconds. */
  start: number;
  /** Seconds. */
  end: number;
}

/** Text that will not change: the whole utterance's, or a part's of one that is long. Finals of a channel do not overlap. */
export interface LiveFinal extends OfChannel {
  /** Which event it is. */
  type: "final";
  /** From 0 in the stream, in order of emission. */
  id: number;
  /** From 0 in its channel. */
  utterance: number;
  /** Without surrounding white space, never empty. */
  text: string;
  /** With `words`. */
  words?: Word[];
  /** Seconds, of its first word. */
  start: number;
  /** Seconds, of its last word. */
  end: number;
  /** Mean probability of its tokens, 0 to 1. */
  confidence: number;
  /** Mean log probability of its tokens. */
  avgLogProb: number;
  /** Probability that there is no speech, 0 to 1. */
  noSpeechProb: number;
  /** ISO 639-1 code of what is spoken. */
  language: string;
  /** With `diarize`: `"SPEAKER_00"`, … in the order of their first finals, over all channels; null where nobody is heard. */
  speaker?: string | null;
  /** With `diarize`: share of its words' time in which that speaker is heard, 0 to 1. */
  speakerConfidence?: number;
  /** False where the utterance was too long for one final and goes on, or somebody else speaks on. */
  endOfUtterance: boolean;
}

/** Silence has ended the utterance; comes after its last final. An utterance without any text has no final. */
export interface LiveSpeechEnd extends OfChannel {
  /** Which event it is. */
  type: "speech-end";
  /** From 0 in its channel. */
  utterance: number;
  /** Seconds, where speech ended: before the silence. */
  time: number;
}

/** More than 5 s of audio wait; again each time that it is 5 s more, and once when it is less again. */
export interface LiveLag extends Numbered, LiveProgress {
  /** Which event it is. */
  type: "lag";
}

/** Something odd that is survivable. */
export interface LiveWarning extends Numbered {
  /** Which event it is. */
  type: "warning";
  /** In words. */
  message: string;
}

/** The last event. */
export interface LiveDone extends Numbered {
  /** Which event it is. */
  type: "done";
  /** In numbers. */
  stats: LiveStats;
}

/** What happens in a stream. All times are seconds on the stream's clock, which counts what was written from 0. */
export type LiveEvent =
  | LiveReady
  | LiveSpeechStart
  | LiveLanguage
  | LivePartial
  | LiveFinal
  | LiveSpeechEnd
  | LiveLag
  | LiveWarning
  | LiveDone;

/** What became of a stream. Audio in seconds. */
export interface LiveStats {
  /** Audio that was written. */
  received: number;
  /** Audio that was listened to: as much, nothing is left out silently. */
  processed: number;
  /** Speech, over all channels. */
  speech: number;
  /** Final events. */
  finals: number;
  /** Words in them, split at white space. */
  words: number;
  /** Passes of the model. */
  steps: number;
  /** Times that a guard threw text away: it repeated itself, was improbable, or attention jumped back. */
  resets: number;
  /** Partial events that nobody read before there was a newer one. */
  replacedPartials: number;
  /** Seconds of wall-clock time in passes of the model, waiting for the device included. */
  processingTime: number;
  /** With `record`: audio that was kept, less than was written where a warning says why. */
  recorded?: number;
}
