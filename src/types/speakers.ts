import type { WindowTurn } from "./engine.js";

/**
 * Implementations of diarization. `"nemotron"`: NVIDIA's Nemotron-3-Diarization, which is downloaded when it is first used;
 * up to 8 speakers. `"community"`: pyannote's community pipeline, from a model file of `models convert`.
 */
export const DIARIZATION_ENGINES = ["nemotron", "community"] as const;
/** An implementation of diarization. */
export type DiarizationEngine = (typeof DIARIZATION_ENGINES)[number];

/** Who speaks in a sales call. */
export const SPEAKER_ROLES = ["seller", "client"] as const;
/** Who somebody is in a sales call. */
export type SpeakerRole = (typeof SPEAKER_ROLES)[number];

/** How speakers are told apart. */
export interface DiarizationOptions {
  /** Default: what the model is for, `"nemotron"` where none is named. */
  engine?: DiarizationEngine;
  /**
   * Name of a diarization model in the registry, or path of a file, which `convertModel()` makes, too. Used where one
   * channel holds several speakers; two parties on two channels need none. Default: `AGORA_DIARIZATION_MODEL` of the
   * environment where that is of the engine that is asked for, else `"nemotron-3-diarization"`, downloaded when it is
   * first used; the `"community"` engine has no model of its own.
   */
  model?: string;
  /** Exactly so many speakers, 1 to 1000. Default: counted. */
  numSpeakers?: number;
  /** At least so many speakers, 1 to 1000. Default 1. */
  minSpeakers?: number;
  /** At most so many speakers, 1 to 1000. Default: no limit. */
  maxSpeakers?: number;
  /** Give the speakers' voices as vectors, to know them again; `"nemotron"` makes none. Default false. */
  embeddings?: boolean;
  /**
   * Voices that are known, 1 to 1000, by their names (1 to 200 characters), as `voiceOf()` or the `embedding` of a speaker
   * gives them with the same diarization model, which is needed. Who clearly has one of them is told by `name`. Default: none.
   */
  knownVoices?: Readonly<Record<string, readonly number[]>>;
  /** Whether a model may be downloaded when it is needed. Default: as the transcriber's `download`, which is true. */
  download?: boolean;
}

/** What tells seller and client apart. */
export interface RoleOptions {
  /** The channel that the seller is on, 0 to 63. Default: not known. */
  sellerChannel?: number;
  /** Who called: in an `"inbound"` call the seller answers, in an `"outbound"` one the client does. Default: not known. */
  direction?: "inbound" | "outbound";
  /** Roles that are known, by speaker id: `{ SPEAKER_00: "seller" }`. Default: none. */
  speakers?: Readonly<Record<string, SpeakerRole>>;
  /**
   * Voices of sellers, 1 to 1000, as `voiceOf()` or the `embedding` of a speaker gives them with the same diarization
   * model, which is needed. Who clearly has one of them is likely the seller. Default: none.
   */
  sellerVoices?: readonly (readonly number[])[];
}

/** A stretch in which one speaker is heard. Turns of different speakers overlap where both speak. */
export interface SpeakerTurn {
  /** Seconds. */
  start: number;
  /** Seconds. */
  end: number;
  /** `"SPEAKER_00"`, … in order of first speech. */
  speaker: string;
  /** How sure it is that it is that speaker, 0 to 1. */
  confidence: number;
  /** Index of the channel, where speakers are told apart by that. */
  channel?: number;
}

/** Somebody who is heard in a recording. */
export interface Speaker {
  /** `"SPEAKER_00"`, … in order of first speech. */
  id: string;
  /** With `knownVoices`: whose voice it clearly is. */
  name?: string;
  /** `null` where it is not known. */
  role: SpeakerRole | null;
  /** 0 to 1. */
  roleConfidence: number;
  /** What the role follows from, most telling first, e.g. `"channel 0 is the seller's"`. */
  evidence: string[];
  /** Seconds in which the speaker is heard. */
  talkTime: number;
  /** Number of turns. */
  turns: number;
  /** With `embeddings`, where there is a model: the voice, of unit length. */
  embedding?: readonly number[];
}

/** Who spoke when. */
export interface DiarizationResult {
  /** By start. */
  turns: SpeakerTurn[];
  /** In order of first speech. */
  speakers: Speaker[];
  /** Seconds of audio. */
  duration: number;
  /** Seconds from call to result. */
  processingTime: number;
  /** What was odd about the input but survivable. */
  warnings: string[];
}

/** How many speakers to find. */
export interface SpeakerCount {
  exactly?: number;
  least?: number;
  most?: number;
}

/** A turn of speaker `speaker`, from 0 in order of first speech. */
export interface NumberedTurn {
  start: number;
  end: number;
  speaker: number;
  confidence: number;
}

/** A stretch in which somebody is heard on a channel of their own, in seconds. */
export interface ChannelTurn {
  start: number;
  end: number;
  channel: number;
}

/** Finds where somebody speaks on each of a recording's tracks. */
export interface TurnFinder {
  push(block: readonly Float32Array[]): Promise<void>;
  /** Track by track. */
  finish(): Promise<ChannelTurn[]>;
  close(): void;
}

/** How voices of a model are compared: by the cosine of their vectors, 1 for the same. */
export interface VoiceMeasure {
  /** Values of a vector. */
  size: number;
  /** Cosine from which two voices may be one person's. */
  alike: number;
  /** By how much the voice of one person is more alike than that of another who is heard. */
  margin: number;
}

export interface DiarizedRecording {
  /** By start, overlaps kept. */
  turns: readonly NumberedTurn[];
  /** One speaker at a time. */
  exclusive: readonly NumberedTurn[];
  /** Voice of each speaker, of unit length; none where the engine makes none. */
  embeddings: readonly Float32Array[];
}

/** One recording on its way through a diarizer, sample by sample. */
export interface DiarizerSession {
  /** Takes 16 kHz mono; resolves when more is wanted. @throws TranscriptionError CANCELLED */
  push(samples: Float32Array, signal: AbortSignal): Promise<void>;
  finish(count: SpeakerCount, signal: AbortSignal): Promise<DiarizedRecording>;
  close(): void;
}

/** A channel of a live stream on its way through a diarizer. One call at a time. */
export interface LiveDiarizerSession {
  /**
   * Takes 16 kHz mono; resolves when it is worked off.
   * @param start seconds of all that was given; what lies before is forgotten, and no look begins before it
   * @throws TranscriptionError CANCELLED
   */
  push(samples: Float32Array, start: number, signal: AbortSignal): Promise<void>;
  /**
   * Takes the next samples, and tells who speaks up to their end.
   * @param start seconds of all that was given; what lies before is forgotten
   * @returns by start, one speaker at a time. A speaker has the same number each time, from 0, in no order
   * @throws TranscriptionError CANCELLED
   */
  look(samples: Float32Array, start: number, signal: AbortSignal): Promise<readonly NumberedTurn[]>;
  close(): void;
}

/** A loaded diarization model. */
export interface Diarizer {
  readonly engine: DiarizationEngine;
  /** Speakers that it tells apart at most. */
  readonly mostSpeakers: number;
  /** Undefined: the model tells speakers apart without vectors of their voices. */
  readonly voices: VoiceMeasure | undefined;
  /** @param turn whose recording it is, and how urgent */
  createSession(turn: WindowTurn): DiarizerSession;
  /**
   * Undefined: speakers are told apart when all of a recording has been heard.
   * @param request number of the channel among the requests of engines @param most speakers to tell apart at most
   */
  createLiveSession?(request: number, most: number): LiveDiarizerSession;
  close(): Promise<void>;
}
