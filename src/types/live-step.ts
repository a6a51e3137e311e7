import type { TranscriptionTask } from "./choices.js";

/**
 * One step of live transcription: what can be written now of speech that goes on. The engine keeps nothing of a stream
 * between two steps: whoever has the stream gives the sound that is not settled yet, and the text that stands already.
 */
export interface LiveStepRequest {
  /** Mono, 16 kHz, at most 30 s: the stream's sound up to now, from somewhere between two words on. */
  samples: Float32Array;
  /** Undefined: detected, in the same step. */
  language?: string | undefined;
  /** Whether to keep the spoken language. */
  task: TranscriptionTask;
  /** Text before the sound, or its tokens; its end is kept where there is no room for all. */
  prompt?: string | readonly number[] | undefined;
  /** Tokens that stand already and were spoken in `samples`; read in one pass. At most half of the model's context. */
  forced: readonly number[];
  /**
   * Tokens that probably follow: the `tail` of the step before. Where they are what the model would write they take one
   * pass together; the result never depends on them.
   */
  expected?: readonly number[] | undefined;
  /**
   * Seconds: text stands as long as what the model listens to is further than this from the end of the sound, where
   * words may be cut. 0: everything that it writes stands.
   */
  frontier: number;
  /** The utterance is over: silence follows, and the end of the text may come at once. */
  final: boolean;
  /** Also go on to the end of the text, for what does not stand yet. */
  tail: boolean;
  /** Most new tokens, tail included, 1 to 448; default 50 and 8 for each second of sound. */
  maxTokens?: number | undefined;
}

/** A piece of live text. */
export interface LiveToken {
  /** In the model's vocabulary. */
  id: number;
  /**
   * What it adds to the text: pieces joined are the text. A character that several tokens make together is of the last of
   * them, and those before it add nothing.
   */
  text: string;
  /** Seconds in `samples`: what the model listened to when it wrote it. */
  start: number;
  /** 0 to 1. */
  probability: number;
}

/** What a step has written behind `forced`. */
export interface LiveStepResult {
  /** Tokens that stand from now on: whole words, as far as spaces divide words, and whole characters always. */
  tokens: LiveToken[];
  /** What they add to the text. */
  text: string;
  /** Tokens that may change with the sound to come; empty unless asked for. */
  tail: LiveToken[];
  /** What they add to the text, behind `text`. */
  tailText: string;
  /** Of the request, or detected; empty where there is nothing but digital silence to detect it in. */
  language: string;
  /** 0 to 1; 1 where the request names the language. */
  languageProbability: number;
  /** Probability that nobody speaks in `samples`, 0 to 1. */
  noSpeechProb: number;
  /** What the model listened to has jumped back by more than 4 s: it lost its place, and nothing of the step is kept. */
  rewound: boolean;
}
