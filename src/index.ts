// A program that names no types of its own (the default of TypeScript 6 and later) has those of Node.js here.
/// <reference types="node" preserve="true" />

export { releaseMemory } from "./addon/memory.js";
export { parseLanguage, suggestLanguage } from "./config/language-names.js";
export { DEFAULT_AUDIO_LIMITS as DEFAULT_LIMITS } from "./config/limits.js";
export { applyCorrections } from "./corrections/apply.js";
export { type DetectSpeechOptions, detectSpeech } from "./detect-speech.js";
export { type DiarizeOptions, diarize, type VoiceOptions, voiceOf } from "./diarize.js";
export { implementationNames, registerImplementation } from "./engine/implementations.js";
export { diarizationEngines } from "./engine/loading.js";
export { getSystemInfo, type SystemInfo } from "./engine/system.js";
export { ERROR_CODES, type ErrorCode, TranscriptionError } from "./errors.js";
export {
  extensionOf,
  type FormatOptions,
  formatResult,
  formatSegments,
  formatTurns,
  OUTPUT_FORMATS,
  type OutputFormat,
  type ResultFormat,
  spacedWords,
  toVerboseJson,
  toWhisperXJson,
} from "./formats/index.js";
export { liveDuplex } from "./live/duplex.js";
export type { Conversion, ConvertedFile } from "./models/convert/conversion.js";
export { type ConvertModelOptions, convertModel } from "./models/convert/convert.js";
export type { CacheOptions } from "./models/environment.js";
export {
  type DownloadModelOptions,
  downloadModel,
  type InspectedModel,
  type InspectModelOptions,
  inspectModel,
  listModels,
  type ModelListing,
  type ModelState,
  type QuantizeModelOptions,
  quantizeModel,
  removeModel,
} from "./models/manage.js";
export type { ModelKind } from "./models/registry.js";
export type { ResolvedModel } from "./models/resolve.js";
export { renameSpeakers } from "./speakers/rename.js";
export { createTranscriber, transcribe } from "./transcribe.js";
export type {
  AudioFormat,
  AudioInput,
  AudioLimits,
  ChannelSelection,
  RawAudio,
} from "./types/audio.js";
export {
  COMPUTE_TYPE_NAMES,
  COMPUTE_TYPES,
  type ComputeType,
  type ComputeTypeName,
  DEVICES,
  type DeviceSelection,
  PRIORITIES,
  type Priority,
  TASKS,
  type TranscriptionTask,
} from "./types/choices.js";
export type {
  Correction,
  MergeCorrection,
  NameCorrection,
  RoleCorrection,
  SpeakerCorrection,
  TextCorrection,
} from "./types/corrections.js";
export type {
  DetectionUse,
  DeviceInfo,
  DraftCount,
  Engine,
  EngineFactory,
  EngineLoad,
  EngineOptions,
  LanguageDetection,
  ModelInfo,
  RequestWindowOptions,
  UnknownLanguageOptions,
  WindowOptions,
  WindowResult,
  WindowSegment,
  WindowWord,
} from "./types/engine.js";
export type {
  VerboseJson,
  VerboseJsonSegment,
  VerboseJsonWord,
  WhisperXJson,
  WhisperXSegment,
  WhisperXWord,
} from "./types/foreign-json.js";
export { LANGUAGES, type LanguageCode } from "./types/languages.js";
export {
  LIVE_ENCODINGS,
  LIVE_POLICIES,
  type LiveDone,
  type LiveEncoding,
  type LiveEvent,
  type LiveFinal,
  type LiveLag,
  type LiveLanguage,
  type LiveOptions,
  type LivePartial,
  type LivePolicy,
  type LiveProgress,
  type LiveReady,
  type LiveRecordingTarget,
  type LiveSpeechEnd,
  type LiveSpeechStart,
  type LiveStats,
  type LiveStream,
  type LiveWarning,
} from "./types/live.js";
export type { LiveStepRequest, LiveStepResult, LiveToken } from "./types/live-step.js";
export type {
  ImplementationName,
  LanguageName,
  ModelName,
  VadModelName,
  WeightType,
} from "./types/names.js";
export type {
  DownloadProgress,
  Progress,
  TranscribeOptions,
  TranscriberOptions,
  VadOptions,
} from "./types/options.js";
export type { FittedPrompt, FittedText, PromptTexts } from "./types/prompt.js";
export type {
  ChannelResult,
  Segment,
  TranscriptionResult,
  TranscriptionStats,
  Word,
} from "./types/result.js";
export {
  DIARIZATION_ENGINES,
  type DiarizationEngine,
  type DiarizationOptions,
  type DiarizationResult,
  type RoleOptions,
  SPEAKER_ROLES,
  type Speaker,
  type SpeakerRole,
  type SpeakerTurn,
} from "./types/speakers.js";
export type { SpeechDetection, SpeechSpan } from "./types/speech.js";
export type {
  DetectLanguageOptions,
  Transcriber,
  TranscriberInfo,
  TranscriptionStream,
} from "./types/transcriber.js";
export type { Waveform } from "./types/waveform.js";
export { VERSION } from "./version.js";
export { type WaveformOptions, waveform } from "./waveform.js";
