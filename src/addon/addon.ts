import path from "node:path";
import { TranscriptionError } from "../errors.js";
import { packageRequire } from "../package-files.js";
import { locateAddon, otherVersion, unloadableAddon, wrongRuntime } from "./locate.js";

/** Everything the native addon exports (native/addon.cpp). Rejections carry a `code` of src/errors.ts. */
export interface Addon {
  /** Of the package that it was built from. */
  version: string;
  CancelFlag: new () => CancelFlag;
  /** One for each of `count` channels; what they share is computed in a thread of its own. */
  createResamplers(inputRate: number, outputRate: number, count: number): Promise<Resampler[]>;
  /** CPU backends in `directory`, best first; score 0 means that this processor cannot run it. */
  cpuVariants(directory: string): Promise<CpuVariant[]>;
  /** Loads the best CPU backend, or the one named, and the CUDA one on demand: once per process. */
  /** @param folders where NVIDIA's libraries are looked for when the system does not find them */
  loadBackends(
    directory: string,
    cpuVariant: string | null,
    cuda: boolean,
    folders?: readonly string[],
  ): Promise<LoadedBackends>;
  loadWhisperModel(path: string, options: { gpu: boolean; threads: number }): Promise<NativeWhisperModel>;
  loadBatchedModel(
    path: string,
    options: {
      /** On the first GPU of the loaded backends. */
      gpu: boolean;
      threads: number;
      batchSize: number;
      computeType: string;
      draftPath: string | null;
    },
  ): Promise<NativeBatchedModel>;
  loadBorealisModel(
    languagePath: string,
    audioPath: string,
    options: {
      threads: number;
      /** 1 to 255. */
      batchSize: number;
      /** "portable": on the CPU what a GPU would run, for measurements. */
      place: "cpu" | "portable" | "gpu";
      /** Compute the beginning of the prompt once for all windows; off for measurements only. */
      sharePrompts: boolean;
    },
  ): Promise<NativeBorealisModel>;
  loadDiarizationModel(path: string, options: { threads: number }): Promise<NativeDiarizationModel>;
  inspectDiarizationModel(path: string): Promise<DiarizationFileInfo>;
  loadVad(path: string): Promise<NativeVad>;
  inspectModel(path: string): Promise<NativeModelInfo>;
  inspectBorealisModel(languagePath: string, audioPath: string): Promise<BorealisFileInfo>;
  inspectVadModel(path: string): Promise<{ version: string; frameSamples: number }>;
  quantizeModel(
    source: string,
    destination: string,
    type: string,
    cancel: CancelFlag,
    onProgress: (fraction: number) => void,
  ): Promise<void>;
  /** Blocks of a quantised type, in a thread of their own. */
  quantizeValues(type: string, values: Float32Array): Promise<Uint8Array>;
  quantizeTypes: readonly string[];
  /** Returns memory that was freed to the system. */
  trimMemory(): Promise<void>;
  /** To a Unix socket at `path`, of the abstract namespace where that begins with `@`. Throws when it cannot. */
  sendDatagram(path: string, text: string): void;
  /** Stops all work that this environment started. */
  cancelAll(): void;
}

/** Stops native work from the JavaScript thread. */
export interface CancelFlag {
  cancel(): void;
}

/** Streaming sample-rate conversion of one channel, without delay. */
export interface Resampler {
  process(samples: Float32Array): Float32Array;
  /** The rest, once; in all round(inputs × outputRate / inputRate) samples were given then. */
  flush(): Float32Array;
}

export interface CpuVariant {
  name: string;
  path: string;
  score: number;
}

export interface NativeDevice {
  kind: "cpu" | "cuda";
  name: string;
  description: string;
  /** Bytes. */
  memoryFree: number;
  memoryTotal: number;
}

export interface LoadedBackends {
  cpuVariant: CpuVariant;
  devices: NativeDevice[];
}

export interface NativeModelInfo {
  type: string;
  multilingual: boolean;
  weightType: string;
  vocabularySize: number;
  melBands: number;
  width: number;
  encoderLayers: number;
  decoderLayers: number;
  textContext: number;
  fileBytes: number;
  languages: string[];
}

export interface NativeDecodeOptions {
  language: string;
  translate: boolean;
  beamSize: number;
  bestOf: number;
  /** Negative: plain mean. */
  lengthPenalty: number;
  temperature: number;
  /** Fallback temperatures up to 1.0; 0 for none. */
  temperatureStep: number;
  entropyThreshold: number | null;
  logProbThreshold: number | null;
  noSpeechThreshold: number | null;
  prompt: string;
  suppressBlank: boolean;
  suppressNonSpeech: boolean;
  suppressTokens: number[];
  withoutTimestamps: boolean;
  wordTimestamps: boolean;
  /** 0: no limit of its own. */
  maxTokens: number;
  seed: number;
}

export interface NativeSegment {
  start: number;
  end: number;
  text: string;
  tokens: number[];
  avgLogProb: number;
  confidence: number;
  noSpeechProb: number;
  temperature: number;
  words?: NativeWord[];
}

export interface NativeWord {
  start: number;
  end: number;
  text: string;
  confidence: number;
}

/** What is heard where the transcript of a window would start. */
export interface NativeLanguages {
  /** Most probable first. */
  languages: { language: string; probability: number }[];
  noSpeechProb: number;
}

export interface NativeWhisperModel {
  info(): NativeModelInfo;
  /** Tokens of `text`, as whisper.cpp splits it. */
  countTokens(text: string): number;
  transcribe(
    samples: Float32Array,
    options: NativeDecodeOptions,
    cancel: CancelFlag,
  ): Promise<NativeSegment[]>;
  detectLanguage(samples: Float32Array, cancel: CancelFlag): Promise<NativeLanguages>;
  close(): Promise<void>;
}

/** Whose window it is among those that wait for the device. */
export interface NativeTurn {
  /** From 1; 0: a request of its own. */
  request: number;
  priority: "live" | "interactive" | "bulk";
}

export interface NativeSearchOptions extends NativeTurn {
  /** Empty: detected. */
  language: string;
  translate: boolean;
  wordTimestamps: boolean;
  withoutTimestamps: boolean;
  /** Tokens of the text before the window. */
  prompt: number[];
  /** Tokens that the text begins with. */
  prefix: number[];
  /** Where there is speech: start and end in seconds, one span after another. */
  speech: number[];
  suppressBlank: boolean;
  suppressNonSpeech: boolean;
  suppressTokens: number[];
  beamSize: number;
  bestOf: number;
  patience: number;
  /** Negative: plain mean. */
  lengthPenalty: number;
  temperatures: number[];
  compressionRatioThreshold: number | null;
  logProbThreshold: number | null;
  noSpeechThreshold: number | null;
  maxTokens: number;
  repetitionPenalty: number;
  noRepeatNgramSize: number;
  hallucinationSilenceThreshold: number | null;
  maxInitialTimestamp: number;
  prependPunctuations: string[];
  appendPunctuations: string[];
  seed: number;
}

/** Windows of any number of callers, decoded together. */
export interface NativeBatchedModel {
  /** `followsSpeech`: the heads of its attention that follow the sound are known. */
  info(): NativeModelInfo & { computeType: string; followsSpeech: boolean };
  /** Windows in the queue, windows in the batch, and passes through the encoder since the model was loaded. */
  load(): { waiting: number; running: number; encoded: number };
  /** Tokens that write numbers in digits. */
  numeralTokens(): number[];
  /** Tokens of a text that has been split as GPT-2 does. */
  tokenize(pieces: string[]): number[];
  transcribe(
    samples: Float32Array,
    options: NativeSearchOptions,
    cancel: CancelFlag,
    /** Where the options have no language. */
    detection?: {
      /** Probability of the first language from which on the window is transcribed in it, 0 to 1. */
      transcribeFrom: number;
      /** Called once, before the promise resolves. */
      onLanguages: (detected: NativeLanguages) => void;
    },
  ): Promise<NativeTranscription>;
  detectLanguage(samples: Float32Array, turn: NativeTurn, cancel: CancelFlag): Promise<NativeLanguages>;
  liveStep(samples: Float32Array, options: NativeLiveOptions, cancel: CancelFlag): Promise<NativeLiveResult>;
  /** Words of a live text's tokens, the last of which ends at `end` seconds. */
  liveWords(tokens: readonly NativeLiveToken[], end: number, language: string): NativeWord[];
  close(): Promise<void>;
}

/** A step of live transcription. */
export interface NativeLiveOptions extends NativeTurn {
  /** Empty: detected. */
  language: string;
  translate: boolean;
  /** Tokens of the text before the window. */
  prompt: number[];
  /** Tokens that the text begins with. */
  forced: number[];
  /** Tokens that probably follow. */
  expected: number[];
  /** Seconds from the end of the sound, 0 to 5. */
  frontier: number;
  final: boolean;
  tail: boolean;
  maxTokens: number;
}

export interface NativeLiveToken {
  id: number;
  text: string;
  /** Seconds of the window. */
  start: number;
  probability: number;
}

export interface NativeLiveResult {
  tokens: NativeLiveToken[];
  tail: NativeLiveToken[];
  language: string;
  languageProbability: number;
  noSpeechProb: number;
  rewound: boolean;
}

/** What is heard in a window. */
export interface NativeTranscription {
  segments: NativeSegment[];
  draft: { proposed: number; accepted: number };
  /** Of the segments; empty where none was sure enough. */
  language: string;
  /** Seconds of the window, where text was left out that the model is sure of. */
  dropped: { start: number; end: number }[];
  /** Whether all text passed the guards. */
  reliable: boolean;
}

export interface NativeGenerationOptions extends NativeTurn {
  /** The first attempt's, and those of new attempts when the text repeats itself. */
  temperatures: number[];
  /** 0: all. */
  topK: number;
  topP: number;
  repetitionPenalty: number;
  compressionRatioThreshold: number | null;
  /** Empty: the training's. */
  systemPrompt: string;
  userPrompt: string;
  maxTokens: number;
  seed: number;
}

export interface BorealisFileInfo {
  /** Of the language model: `"qwen2"` or `"qwen3"`. */
  architecture: string;
  weightType: string;
  vocabularySize: number;
  melBands: number;
  encoderLayers: number;
  decoderLayers: number;
  /** Of both files. */
  fileBytes: number;
}

/** What was done since the model was loaded. Seconds are wall-clock time. */
export interface BorealisTimings {
  windows: number;
  encodeSeconds: number;
  promptRows: number;
  /** Rows of prompts that were not computed again. */
  sharedRows: number;
  promptSeconds: number;
  tokens: number;
  steps: number;
  tokenSeconds: number;
}

/** Windows of any number of callers, written together. */
export interface NativeBorealisModel {
  info(): BorealisFileInfo & { textContext: number };
  timings(): BorealisTimings;
  transcribe(
    samples: Float32Array,
    options: NativeGenerationOptions,
    cancel: CancelFlag,
  ): Promise<NativeSegment[]>;
  close(): Promise<void>;
}

export interface DiarizationFileInfo {
  /** What it is made of: pyannote's community pipeline, or NVIDIA's Nemotron-3-Diarization. */
  pipeline: "community" | "nemotron";
  /** The speaker encoder; empty where there is none. */
  embedding: "ge2e" | "wespeaker-resnet34" | "";
  embeddingSize: number;
  /** Speakers that are told apart; 0: no limit. */
  mostSpeakers: number;
  /** How its matrices are stored. */
  weightType: string;
  /** Whether clusters are refined in the features of a PLDA. */
  plda: boolean;
  name: string;
  fileBytes: number;
}

export interface NativeSpeakerTurn {
  start: number;
  end: number;
  /** From 0, by first speech. */
  speaker: number;
  /** How sure it is that it is that speaker, 0 to 1. */
  confidence: number;
}

export interface NativeDiarizationModel {
  /** `batch`: seconds of sound that keep all threads busy at once. */
  info(): DiarizationFileInfo & { batch: number };
  open(turn: NativeTurn): NativeDiarizationStream;
  close(): Promise<void>;
}

/** One recording; one call at a time. */
export interface NativeDiarizationStream {
  /**
   * Works on what the samples complete.
   * @param forget seconds of all that was given: who spoke before is forgotten, and `finish` may not follow: of
   * Nemotron's model alone. 0: all is kept
   */
  push(samples: Float32Array, forget: number, cancel: CancelFlag): Promise<void>;
  /**
   * The same, and tells who speaks from `start` on up to their end, one at a time, by the model's numbers: of Nemotron's
   * model alone. What lies before `start` is forgotten, and `finish` may not follow.
   */
  look(
    samples: Float32Array,
    options: { start: number; most: number },
    cancel: CancelFlag,
  ): Promise<NativeSpeakerTurn[]>;
  /** Nothing more comes: has worked on what is left. */
  end(cancel: CancelFlag): Promise<void>;
  /** After `end`. */
  finish(
    speakers: { exactly?: number; least?: number; most?: number },
    cancel: CancelFlag,
  ): Promise<{
    /** Overlaps kept. */
    turns: NativeSpeakerTurn[];
    /** One speaker at a time. */
    exclusive: NativeSpeakerTurn[];
    /** Of each speaker, of unit length; empty where the engine makes none. */
    embeddings: Float32Array[];
  }>;
  close(): Promise<void>;
}

export interface NativeVad {
  push(samples: Float32Array): Promise<Float32Array>;
  flush(): Promise<Float32Array>;
  close(): Promise<void>;
}

let loaded: { addon: Addon; path: string } | undefined;

/** Path of the addon that is, or would be, loaded. Its folder holds the backends too. @throws as {@link loadAddon} */
export function addonPath(): string {
  return loaded?.path ?? locateAddon();
}

/**
 * The native addon, loaded once.
 * @throws TranscriptionError DEVICE_UNAVAILABLE, saying what is missing
 */
export function loadAddon(): Addon {
  if (!loaded) {
    const refusal = wrongRuntime(process.versions);
    if (refusal) throw new TranscriptionError("DEVICE_UNAVAILABLE", refusal);
    const file = addonPath();
    let addon: Addon;
    try {
      addon = packageRequire()(file) as Addon;
    } catch (cause) {
      throw new TranscriptionError("DEVICE_UNAVAILABLE", unloadableAddon(file, cause as Error), { cause });
    }
    const problem = otherVersion(file, addon.version);
    if (problem) throw new TranscriptionError("DEVICE_UNAVAILABLE", problem);
    loaded = { addon, path: file };
    // The end of a process waits for its worker threads: a window in the middle of a large model would take its time.
    process.once("exit", () => addon.cancelAll());
  }
  return loaded.addon;
}

/** Folder of the backends. */
export function backendDirectory(): string {
  return path.dirname(addonPath());
}
