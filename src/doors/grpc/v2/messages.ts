// Made from proto/v2/transcription.proto by npm run generate:grpc: change that file instead.

export interface TranscribeRequest {
  config: TranscriptionConfig | null;
  /** The file's bytes; must not be empty. The content decides how it is decoded. */
  audio: Buffer;
}

/** The first message of an upload holds the configuration, every other one data. */
export interface UploadRequest {
  /** Which of them is set. */
  payload?: "config" | "data";
  config?: TranscriptionConfig;
  /** The next bytes of the file, of any number; must not be empty in all. */
  data?: Buffer;
}

/** At most 4 MiB of it. */
export interface TranscriptionConfig {
  options: TranscriptionOptions | null;
  /** A name for the log. It plays no other part, and need not have an extension. */
  filename: string;
  /**
   * Any name of a model that ListModels has, also as others publish it ("openai/whisper-base"). One that is not loaded is
   * loaded first, within the request's time. Default: server (MODEL_NAME).
   */
  model: string;
  /**
   * Of TranscribeUploadEvents: the last event has neither text nor segments, which the events before it had. No message
   * grows with the recording then.
   */
  events_only: boolean;
  /**
   * Bytes of the largest result that the client takes, at most max_response_bytes. Default: 4 MiB, which is what clients
   * of gRPC take unless they are told otherwise. From a larger one is left out what stands in it twice, and a warning
   * says so: first its tokens and its text, then the texts of segments with words. One that is still larger is refused as
   * RESULT_TOO_LARGE, as soon as it is known; events_only has no such limit.
   */
  max_result_bytes: number;
}

/** Options that the server's model or implementation does not have are refused with INVALID_ARGUMENT. */
export interface TranscriptionOptions {
  /** Code ("ru"), tag ("pt-BR"), English or own name ("russian"), in any case, or "auto". Default: server (MODEL_LANGUAGE). */
  language: string;
  /** Default: TASK_TRANSCRIBE. */
  task: Task | number;
  /** Beams kept by beam search, 1 to 8; 1 is greedy. Default 1. */
  beam_size: number;
  /** Samples drawn at temperatures above 0, of which the best is kept, 1 to 8. Default 5. */
  best_of: number;
  /** Patience of beam search, above 0 and at most 100. Default 1. */
  patience: number;
  /** Exponent of the length by which a beam's score is divided, 0 to 10. Default: the plain mean. */
  length_penalty: Wrapped<number>;
  /** Temperatures to try in turn, each 0 to 2, at most 20. Default 0, 0.2, 0.4, 0.6, 0.8, 1. */
  temperatures: number[];
  /** Text more repetitive than this, 0 to 1000, is decoded again at the next temperature. Default 2.4. */
  compression_ratio_threshold: Threshold | null;
  /** Text less probable than this mean log probability, -1000 to 0, is decoded again. Default -1. */
  log_prob_threshold: Threshold | null;
  /** Above this probability of silence improbable text is dropped. Default 0.6. */
  no_speech_threshold: Threshold | null;
  /**
   * Text that the recording might follow on from: names, spelling, style. For the first window, and with
   * condition_on_previous_text for those after it as long as there is room. Of a long one the end is used.
   */
  initial_prompt: string;
  /**
   * Words to expect, for every window; at most 1000, each at most 200 characters. Of more than fit into the prompt the
   * first ones are used, and warnings say how many.
   */
  hotwords: string[];
  /** Give each window the text of those before, as much as fits. Slower and prone to repetition. Default false. */
  condition_on_previous_text: boolean;
  /** No blank at the start of a segment. Default true. */
  suppress_blank: Wrapped<boolean>;
  /** Tokens never to be produced. Default: all non-speech symbols (-1). */
  suppress_tokens: TokenList | null;
  /** One segment per window, without times inside it. Default false. */
  without_timestamps: boolean;
  /** Start, end and confidence of each word. Default false. */
  word_timestamps: boolean;
  /** Most tokens per window, 1 to 448 by model. Default: what the model allows. */
  max_tokens: number;
  /** Default: VAD_FILTER_AUTO. */
  vad_filter: VadFilter | number;
  vad_options: VadOptions | null;
  /** Longest window, 1 to 30. Default: server (MODEL_CHUNK_DURATION), at most what the model reads well. */
  chunk_length: number;
  /** Which channels to transcribe. Default: all mixed into one. */
  channels: ChannelSelection | null;
  /** Seed of sampling at temperatures above 0, 0 to 2147483647. Default 0. */
  seed: number;
  /** Time from the complete request to its result, above 0. Default and most: server (SERVER_REQUEST_TIMEOUT). */
  timeout: number;
  /** Longest audio accepted. Default and most: server (SERVER_MAX_AUDIO_DURATION). */
  max_duration: number;
  /** Makes tokens that were written less probable, 0.01 to 100; 1 is none. Default 1. */
  repetition_penalty: number;
  /** No run of this many tokens is written twice in a window, at most 448. Default: no such rule. */
  no_repeat_ngram_size: number;
  /** Text of odd words is dropped where it stands in silence longer than this, up to 30. Default: none is. */
  hallucination_silence_threshold: number;
  /** Text decoded above this temperature, 0 to 2, is not given to the next window. Default 0.5. */
  prompt_reset_on_temperature: Wrapped<number>;
  /** Detect each window's language, and note it in its segments. Goes with language "auto" or none. Default false. */
  multilingual: boolean;
  /** Probability from which a window settles the language of the recording, 0 to 1. Default 0.5. */
  language_detection_threshold: Wrapped<number>;
  /** Windows to hear at most for the language of the recording, 1 to 1000. Default 4. */
  language_detection_segments: number;
  /**
   * Start, end, start, end, … of the stretches to transcribe, rising; without the last end, to the end of the
   * recording. Default: everything.
   */
  clip_timestamps: number[];
  /** Latest start of a window's first segment after the window's, 0 to 30. Default 1. */
  max_initial_timestamp: Wrapped<number>;
  /** Characters that are part of the word after them, and of the one before. Default: quotes, brackets, punctuation. */
  prepend_punctuations: Wrapped<string>;
  append_punctuations: Wrapped<string>;
  /** Borealis, at temperatures above 0: draws from so many of the most probable tokens; 0 for all. Default 50. */
  top_k: Wrapped<number>;
  /** Borealis, at temperatures above 0: draws from the most probable tokens that make up so much, 0.01 to 1. 0: 0.9. */
  top_p: number;
  /** Borealis: what the model is told first, and before the audio. Empty: what it was trained with. */
  system_prompt: string;
  user_prompt: string;
  /** Which of a file's audio tracks, 0 to 999. Default: of those with sound the one flagged as default, else the first. */
  track: Wrapped<number>;
  /** Give every window the initial prompt. Default false. */
  carry_initial_prompt: boolean;
  /**
   * Text that the first window of each channel is to begin with, and does. That window is given no hotwords. Of a long
   * one the first words are used.
   */
  prefix: string;
  /** Write numbers in words: no token with a digit, a percent sign or a sign of money is produced. Default false. */
  suppress_numerals: boolean;
  /**
   * Tell who says what. Of a recording with two channels whose sound differs each is a speaker; several speakers in one
   * channel need a diarization model; a server that has none and cannot fetch one refuses the call with
   * INVALID_ARGUMENT. Default: not.
   */
  diarize: Diarization | null;
  /** With diarize: tell seller from client. Default: not. */
  roles: Roles | null;
  /** How urgent it is. Default: PRIORITY_INTERACTIVE. */
  priority: Priority | number;
}

/** Numbers of speakers from 1 to 1000; 0: counted. */
export interface Diarization {
  /** Exactly so many, without the other two. */
  num_speakers: number;
  min_speakers: number;
  max_speakers: number;
  /** Give the speakers' voices. The nemotron engine makes none. */
  embeddings: boolean;
  /** For speakers of one channel. Default: that of the server's diarization model. */
  engine: DiarizationEngine | number;
  /**
   * Voices by name, 1 to 1000, as embedding of a speaker gives them: who clearly has one of them is told by name. They need
   * a server with the diarization model that they were made with.
   */
  known_voices: Record<string, Voice>;
}

export type DiarizationEngine =
  | "DIARIZATION_ENGINE_UNSPECIFIED"
  | "DIARIZATION_ENGINE_NEMOTRON"
  | "DIARIZATION_ENGINE_COMMUNITY";

/** What is known of the roles; what is said tells the rest. */
export interface Roles {
  /** The channel that the seller is on, from 0. */
  seller_channel: Wrapped<number>;
  direction: CallDirection | number;
  /** By id of the speaker. */
  speakers: Record<string, SpeakerRole | number>;
  /**
   * Voices of sellers, 1 to 1000, as embedding of a speaker gives them: who clearly has one of them is likely the seller.
   * They need a server with the diarization model that they were made with.
   */
  seller_voices: Voice[];
}

/** A vector, of any length. */
export interface Voice {
  values: number[];
}

export type CallDirection =
  | "CALL_DIRECTION_UNSPECIFIED"
  | "CALL_DIRECTION_INBOUND"
  | "CALL_DIRECTION_OUTBOUND";

export type SpeakerRole = "SPEAKER_ROLE_UNSPECIFIED" | "SPEAKER_ROLE_SELLER" | "SPEAKER_ROLE_CLIENT";

export type Task = "TASK_UNSPECIFIED" | "TASK_TRANSCRIBE" | "TASK_TRANSLATE";

export type Priority = "PRIORITY_UNSPECIFIED" | "PRIORITY_INTERACTIVE" | "PRIORITY_BULK";

export type VadFilter = "VAD_FILTER_UNSPECIFIED" | "VAD_FILTER_AUTO" | "VAD_FILTER_ON" | "VAD_FILTER_OFF";

/** A threshold with neither is refused. */
export interface Threshold {
  /** Which of them is set. */
  threshold?: "value" | "off";
  value?: number;
  /** True: there is no such threshold. */
  off?: boolean;
}

export interface TokenList {
  /** Ids in the model's vocabulary; -1 stands for all non-speech symbols. An empty list suppresses none. */
  ids: number[];
}

/** Voice activity detection. */
export interface VadOptions {
  /** Probability from which a frame is speech, 0.01 to 1. Default 0.5. */
  threshold: number;
  /** Probability below which speech ends. Default: threshold - 0.15, at least 0.01. */
  neg_threshold: number;
  /** Shorter bursts of speech are dropped. Default 0. */
  min_speech_duration: Wrapped<number>;
  /** Shorter pauses do not end speech. Default 2. */
  min_silence_duration: Wrapped<number>;
  /** Added before and after each stretch of speech. Default 0.4. */
  speech_pad: Wrapped<number>;
  /**
   * Longer speech is parted, pads included, at its last silence above 98 ms, or without one just before it is longer. More
   * than twice speech_pad and 0.1. Default: never.
   */
  max_speech_duration: number;
}

export interface ChannelSelection {
  /** Which of them is set. */
  selection?: "each" | "index";
  /** Each channel apart, such as the two parties of a call. False is the same as leaving it out. */
  each?: boolean;
  /** One channel alone, from 0. */
  index?: number;
}

export interface TranscriptionEvent {
  /** Which of them is set. */
  event?: "upload" | "progress" | "segment" | "result";
  upload?: UploadProgress;
  progress?: TranscriptionProgress;
  /**
   * A segment that will not change any more but for its id, which follows from the order of time in the result.
   * Segments come in order of time within their channel.
   */
  segment?: Segment;
  /** The last event. */
  result?: TranscriptionResult;
}

/** Comes when the configuration has been accepted (0 bytes), then at most once a second, and with the last byte. */
export interface UploadProgress {
  bytes_received: number;
  /** The upload is complete, and the recording waits for its turn. */
  complete: boolean;
}

/** Comes as windows finish. Left out while the client does not read fast enough. */
export interface TranscriptionProgress {
  /** Audio that is finished. */
  processed: number;
  /** Audio in all: exact once it is decoded, before that what the file's header announces, if it does. */
  total: Wrapped<number>;
  /** Audio per time so far. */
  speed_factor: number;
}

export interface TranscriptionResult {
  /** Texts of the segments in order of time, joined with one space. Empty for a recording without speech. */
  text: string;
  segments: Segment[];
  /** ISO 639-1 code; of the first channel with speech. Empty when nothing was spoken and none was given. */
  language: string;
  /** 1 when the language was given. */
  language_probability: number;
  /** Length of the audio. */
  duration: number;
  /** One for each channel with channels.each, else empty. */
  channels: ChannelResult[];
  statistics: Statistics | null;
  timings: Timings | null;
  /** What was odd about the recording but survivable. */
  warnings: string[];
  format: AudioFormat | null;
  /** Name of the model, and the implementation that ran it. */
  model: string;
  implementation: string;
  device: Device | null;
  request_id: string;
  /** What the model was computed in: "float16", "int8", … */
  compute_type: string;
  /** Every language of the model, most probable first; empty where the language was given. */
  language_probabilities: LanguageProbability[];
  /** With diarize: in order of first speech. */
  speakers: Speaker[];
  /** With diarize: who speaks when, by start; overlaps are kept. */
  turns: Turn[];
}

export interface Speaker {
  /** "SPEAKER_00", … */
  id: string;
  role: SpeakerRole | number;
  role_confidence: number;
  /** What the role follows from. */
  evidence: string[];
  /** Time in which the speaker is heard. */
  talk_time: number;
  /** Number of turns. */
  turns: number;
  /** With embeddings: the voice, of unit length. */
  embedding: number[];
  /** With known_voices: whose voice it clearly is, else empty. */
  name: string;
}

export interface Turn {
  start: number;
  end: number;
  speaker: string;
  /** How sure it is that it is that speaker. */
  confidence: number;
  /** Where speakers are told apart by their channels. */
  channel: Wrapped<number>;
}

export interface LanguageProbability {
  /** ISO 639-1 code. */
  language: string;
  probability: number;
}

/** Times are on the recording's clock, in order within a channel, and inside the recording. */
export interface Segment {
  /** From 0, in order of start. */
  id: number;
  start: number;
  end: number;
  /** Without white space around it, never empty. */
  text: string;
  /** Mean probability of its tokens. */
  confidence: number;
  /** Mean log probability of its tokens. */
  avg_log_prob: number;
  /** Probability that there is no speech. */
  no_speech_prob: number;
  /** Size of the text to its compressed size; above about 2.4 it repeats itself. */
  compression_ratio: number;
  /** Temperature that the text was accepted at. */
  temperature: number;
  /** With channels.each. */
  channel: Wrapped<number>;
  /** With word_timestamps. */
  words: Word[];
  /** ISO 639-1 code of the window's language, with multilingual. */
  language: string;
  /** Ids of the text's tokens in the model's vocabulary. Empty where the implementation does not tell. */
  tokens: number[];
  /** With diarize: id of who says it; empty where nobody is heard. */
  speaker: string;
  /** With diarize: share of the words' time in which that speaker is heard. */
  speaker_confidence: number;
}

export interface Word {
  start: number;
  end: number;
  /** With its punctuation, without white space around it. */
  text: string;
  /** Mean probability of its tokens. */
  confidence: number;
  /** With diarize, as of segments. */
  speaker: string;
  speaker_confidence: number;
}

export interface ChannelResult {
  /** From 0. */
  channel: number;
  text: string;
  language: string;
  language_probability: number;
}

export interface Statistics {
  /** Words of the text, split at white space. */
  word_count: number;
  /** Unicode code points of the text. */
  char_count: number;
  /** Audio that held speech and was transcribed, over all channels. */
  speech_duration: number;
  /** Windows that went through the model. */
  window_count: number;
  /** Tokens that a draft model wrote ahead, where the server has one, and how many of them the model agreed with. */
  draft_proposed: number;
  draft_accepted: number;
}

export interface Timings {
  /** From when the server began to read to the last byte. */
  upload: number;
  /** Spent waiting: unread before that, and for a turn after it. */
  queue: number;
  /** From the turn to the result: decoding the file, and its windows in the model. */
  processing: number;
  /** duration / processing; 0 if nothing was measured. */
  speed_factor: number;
}

export interface AudioFormat {
  /** "wav", "mp3", "mp4", "ogg", "flac", "aac", "matroska", … */
  container: string;
  /** Such as "pcm_s16le" or "opus"; empty where it is not known. */
  codec: string;
  /** Hz, before resampling; 0 where it is not known. */
  sample_rate: number;
  /** Of the recording, before selection. */
  channels: number;
  /** Where there are several audio tracks: the one that was used, and how many there are. */
  track: Wrapped<number>;
  track_count: number;
}

export interface Device {
  /** "cpu" or "cuda". */
  kind: string;
  name: string;
  /** Compute threads on the CPU. */
  threads: number;
}

/** The first message holds the configuration, every other one something else. */
export interface LiveRequest {
  /** Which of them is set. */
  payload?: "config" | "audio" | "flush" | "keep_alive";
  config?: LiveConfig;
  /** The next bytes, at most 1 MiB, cut anywhere. */
  audio?: Buffer;
  /** Ends what is being said, as silence would. */
  flush?: LiveFlush;
  /** There is no audio now, and there will be some. */
  keep_alive?: LiveKeepAlive;
}

export type LiveFlush = Record<string, never>;

export type LiveKeepAlive = Record<string, never>;

export interface LiveConfig {
  /** Of the audio, in Hz, 8000 to 192000. Default 16000. */
  sample_rate: number;
  /** Default: LIVE_ENCODING_S16LE. Samples of several channels are interleaved. */
  encoding: LiveEncoding | number;
  /** 1 to 8, each transcribed by itself, on the same clock. Default 1. */
  channels: number;
  /** As in TranscriptionOptions; "auto" detects it in each channel. Default: server (MODEL_LANGUAGE). */
  language: string;
  /** Default: TASK_TRANSCRIBE. */
  task: Task | number;
  /** Whether partial events come. Default true. */
  interim: Wrapped<boolean>;
  /** Final events have words. Default false. */
  words: boolean;
  /** Silence that ends an utterance, in milliseconds, 200 to 5000. Default 500. */
  endpoint_ms: number;
  /** Default: LIVE_POLICY_AUTO. */
  policy: LivePolicy | number;
  /** Seconds of new audio from one pass of the model to the next, 0.2 to 5. Default 1. */
  step: number;
  /** Text that every utterance might follow on from. */
  initial_prompt: string;
  /** Words to expect. */
  hotwords: string[];
  /** What counts as speech: threshold, neg_threshold and min_speech_duration alone. */
  vad_options: VadOptions | null;
  /**
   * Final events tell who speaks, and are cut where the speaker changes. Of several channels each is one speaker; those of one
   * channel, or of each with engine, num_speakers or max_speakers, are told apart by the nemotron engine while they speak: of
   * more than are asked for, those are kept who speak first. What takes all of a recording is refused: min_speakers,
   * embeddings, known_voices, the community engine. So is speech of one channel where the server has no model for it.
   */
  diarize: Diarization | null;
  /** As in TranscriptionConfig. Default: server (MODEL_NAME). */
  model: string;
  /** Keep the audio as a recording, as a WAV file. The server may do so by itself (LIVE_RECORD). */
  record: boolean;
  /**
   * Keep it, and have a job transcribe it once more when the stream has ended, with all of its context. The server may do so
   * by itself (LIVE_AGAIN).
   */
  transcribe_again: boolean;
}

export type LiveEncoding =
  | "LIVE_ENCODING_UNSPECIFIED"
  | "LIVE_ENCODING_S16LE"
  | "LIVE_ENCODING_S16BE"
  | "LIVE_ENCODING_F32LE"
  | "LIVE_ENCODING_U8"
  | "LIVE_ENCODING_MULAW"
  | "LIVE_ENCODING_ALAW";

/** What settles which words are final. */
export type LivePolicy =
  | "LIVE_POLICY_UNSPECIFIED"
  | "LIVE_POLICY_AUTO"
  | "LIVE_POLICY_ALIGN_ATT"
  | "LIVE_POLICY_LOCAL_AGREEMENT";

/** Times are on the stream's clock, which counts the audio that was sent. */
export interface LiveEvent {
  /** Which of them is set. */
  event?:
    | "ready"
    | "speech_start"
    | "language"
    | "partial"
    | "final"
    | "speech_end"
    | "lag"
    | "warning"
    | "done";
  /** From 0, without gaps but for partial and lag events that were replaced before they were sent. */
  seq: number;
  /** Audio that had arrived when it was sent. */
  stream_time: number;
  /** The first event: the stream listens. */
  ready?: LiveReady;
  /** Somebody begins to speak, which begins an utterance. */
  speech_start?: LiveSpeechStart;
  /**
   * What language is spoken, where it was to be detected: before the first final event of its channel, and again where
   * more speech changes it.
   */
  language?: LiveLanguage;
  /**
   * The text of the utterance since its last final, as it looks now. Each replaces the one before. Left out while the
   * client does not read fast enough.
   */
  partial?: LivePartial;
  /** Text that will not change. Those of a channel do not overlap. */
  final?: LiveFinal;
  /** Silence has ended the utterance; comes after its last final. An utterance without any text has none. */
  speech_end?: LiveSpeechEnd;
  /** More than 5 s of audio wait, or no longer do. */
  lag?: LiveLag;
  warning?: LiveWarning;
  /** The last event. */
  done?: LiveDone;
}

export interface LiveReady {
  /** Name of the model. */
  model: string;
  sample_rate: number;
}

/** Channels and utterances count from 0, utterances in their channel. */
export interface LiveSpeechStart {
  channel: number;
  utterance: number;
  time: number;
}

export interface LiveLanguage {
  channel: number;
  /** ISO 639-1 code. */
  language: string;
  probability: number;
}

export interface LivePartial {
  channel: number;
  utterance: number;
  /** Without white space around it; empty where what was shown before turned out to be nothing. */
  text: string;
  /** The beginning of text that is settled, in whole words. */
  stable_text: string;
  start: number;
  end: number;
}

export interface LiveFinal {
  /** From 0 in the stream, in order. */
  id: number;
  channel: number;
  utterance: number;
  /** Without white space around it, never empty. */
  text: string;
  /** With words. */
  words: Word[];
  start: number;
  end: number;
  /** Mean probability of its tokens. */
  confidence: number;
  /** Mean log probability of its tokens. */
  avg_log_prob: number;
  /** Probability that there is no speech. */
  no_speech_prob: number;
  /** ISO 639-1 code. */
  language: string;
  /** False where the utterance was too long for one final and goes on, or somebody else speaks on. */
  end_of_utterance: boolean;
  /** With diarize: "SPEAKER_00", … in the order of their first finals, over all channels; empty where nobody is heard. */
  speaker: string;
  /** With diarize: share of the words' time in which that speaker is heard. */
  speaker_confidence: number;
}

export interface LiveSpeechEnd {
  channel: number;
  utterance: number;
  /** Where speech ended: before the silence. */
  time: number;
}

export interface LiveLag {
  received: number;
  processed: number;
  committed: number;
}

export interface LiveWarning {
  message: string;
}

export interface LiveDone {
  /** Audio that was sent, that was listened to, and that was speech, over all channels. */
  received: number;
  processed: number;
  speech: number;
  finals: number;
  words: number;
  /** Passes of the model. */
  steps: number;
  /** Times that text was thrown away, for it repeated itself or was improbable. */
  resets: number;
  /** Partial events that a newer one replaced. */
  replaced_partials: number;
  /** Time in passes of the model. */
  processing_time: number;
  /**
   * Where it was to be kept: audio that was, less than was sent where a warning says why; id of the recording; and of the
   * job that transcribes it once more.
   */
  recorded: number;
  recording_id: string;
  job_id: string;
}

export type GetServerInfoRequest = Record<string, never>;

export interface ServerInfo {
  /** Version of agora-transcribe. */
  version: string;
  /** The implementation that answers, and all that this server knows. */
  implementation: string;
  implementations: string[];
  /** Models that are loaded, the server's own first, which is named even while it is not: ListModels has all. */
  models: Model[];
  /** Devices that are in use. */
  devices: Device[];
  limits: Limits | null;
  load: Load | null;
  /**
   * All settings by the names of their variables, as the server understood them and as they are in force. Of tokens, and
   * of what models and files are called, only is said whether they are set.
   */
  settings: Record<string, string>;
  /**
   * How it tells speakers apart: "channels", and for those of one channel the engines whose models it has: "nemotron",
   * "community".
   */
  diarization: string[];
}

export type ListModelsRequest = Record<string, never>;

export interface ListModelsResponse {
  /** The first is what requests get that name none. */
  models: AvailableModel[];
  /** Bytes that loaded models take, and may take (MODELS_MAX_MEMORY); 0: there is no limit. */
  memory_bytes: number;
  max_memory_bytes: number;
}

export interface AvailableModel {
  name: string;
  aliases: string[];
  /** Of its file. */
  file_bytes: number;
  state: ModelState | number;
  /** Bytes that it takes, as measured when it was loaded. */
  memory_bytes: number;
  /** Requests that use it, or wait for it. */
  requests: number;
  /** Time until it is unloaded unless it is used; 0 where it is in use, stays, or is not loaded. */
  expires_in: number;
  /** Once it has been loaded: what it is. */
  model: Model | null;
}

export type ModelState =
  | "MODEL_STATE_UNLOADED"
  | "MODEL_STATE_WAITING"
  | "MODEL_STATE_LOADING"
  | "MODEL_STATE_LOADED"
  | "MODEL_STATE_LEAVING";

export interface Model {
  name: string;
  /** "tiny", "base", … by shape, or "custom". */
  type: string;
  /** "f32", "f16", "q8_0", … */
  weight_type: string;
  multilingual: boolean;
  /** Codes of the languages that it has. */
  languages: string[];
  /** Longest window that it reads. */
  max_window: number;
  file_bytes: number;
  /** What it is computed in: "float16", "int8", … */
  compute_type: string;
}

/** Times and bytes of 0 are no limit. */
export interface Limits {
  /** Bytes of one message from a client, and of one to a client. */
  max_message_bytes: number;
  max_response_bytes: number;
  /** Bytes of one recording, in however many messages. */
  max_upload_bytes: number;
  /** Length of one recording. */
  max_audio_duration: number;
  /** Recordings transcribed at once, and requests that may wait for their turn; 0: none may. */
  max_workers: number;
  max_queue: number;
  /** Calls open at once. */
  max_calls: number;
  /** Windows decoded together. */
  batch_size: number;
  /** Time spent waiting for the decoder of one recording. */
  decode_timeout: number;
  /** Time in which nothing of a request arrives although it is waited for, and until it has arrived completely. */
  idle_timeout: number;
  upload_timeout: number;
  /** Time from the complete request to its result. */
  request_timeout: number;
  /** Calls open at once on one connection, and connections. */
  max_streams: number;
  max_connections: number;
  /** Bytes of a call's headers, each counted with 32 more, and headers. */
  max_header_bytes: number;
  max_headers: number;
  /**
   * Calls that may be cancelled in quick succession on one connection, and a second in the long run. Beyond that it is
   * asked to connect anew, while what runs goes on.
   */
  max_cancelled: number;
  max_cancelled_per_second: number;
  /** Bytes of one message of an upload, inflated; max_message_bytes is that of a request in one message. */
  max_chunk_bytes: number;
  /** Bytes that all calls hold in memory together, and that all uploads take on disk. */
  max_memory_bytes: number;
  max_disk_bytes: number;
}

/** How busy the server is now. */
export interface Load {
  /** Calls that are open, this one included. */
  open_calls: number;
  /** Recordings that are being transcribed, and requests that wait for their turn. */
  running: number;
  waiting: number;
  /** Windows in the engine and waiting for it; 0 where the implementation does not tell. */
  running_windows: number;
  waiting_windows: number;
  /** Bytes that calls hold in memory, and that uploads take on disk. */
  memory_bytes: number;
  disk_bytes: number;
}

/** A value of which nothing is not the same as zero. */
export type Wrapped<T> = { value: T } | null;
