import { TranscriptionError } from "../../../index.js";
import { type Fields, isObject, languageOf, numberIn, textOf } from "../fields.js";
import type { StreamOptions } from "../session.js";

/** When an item ends: after a silence, or when the client says so. */
export interface TurnDetection {
  type: "server_vad" | "semantic_vad";
  threshold: number;
  prefixPadding: number;
  silence: number;
  eagerness: string;
}

/** What a session is about, whichever form of it the client knows. */
export interface Configuration {
  format: AudioFormat;
  turnDetection: TurnDetection | null;
  model: string;
  language: string | undefined;
  prompt: string | undefined;
  keywords: string[];
  noiseReduction: unknown;
  include: unknown[];
}

export type AudioFormat = "pcm" | "pcmu" | "pcma";

interface Sound extends Pick<StreamOptions, "encoding" | "sampleRate"> {
  sampleRate: number;
  /** Bytes of a millisecond. */
  bytes: number;
  /** Its names in the current form of sessions, and in the beta's. */
  ga: object;
  beta: string;
}

export const SOUNDS: Readonly<Record<AudioFormat, Sound>> = {
  pcm: {
    encoding: "s16le",
    sampleRate: 24_000,
    bytes: 48,
    ga: { type: "audio/pcm", rate: 24_000 },
    beta: "pcm16",
  },
  pcmu: { encoding: "mulaw", sampleRate: 8000, bytes: 8, ga: { type: "audio/pcmu" }, beta: "g711_ulaw" },
  pcma: { encoding: "alaw", sampleRate: 8000, bytes: 8, ga: { type: "audio/pcma" }, beta: "g711_alaw" },
};

const DEFAULT_TURNS: TurnDetection = {
  type: "server_vad",
  threshold: 0.5,
  prefixPadding: 300,
  silence: 500,
  eagerness: "auto",
};

/** Milliseconds of silence for a model of turns that there is not. */
const PATIENCE: Readonly<Record<string, number>> = { high: 400, low: 1500 };
const MEDIUM = 800;

export function defaultConfiguration(model: string): Configuration {
  return {
    format: "pcm",
    turnDetection: DEFAULT_TURNS,
    model,
    language: undefined,
    prompt: undefined,
    keywords: [],
    noiseReduction: null,
    include: [],
  };
}

/**
 * A configuration with what a `session` in the current form changes about it.
 * @throws TranscriptionError INVALID_ARGUMENT that names the field
 */
export function withSession(current: Configuration, session: Fields): Configuration {
  const { type, audio, include } = session;
  if (type !== undefined && type !== "transcription")
    throw wrong("session.type", '"transcription": this server answers with text alone', type);
  const input = isObject(audio) && isObject(audio.input) ? audio.input : {};
  const at = "session.audio.input";
  return {
    ...current,
    ...(input.format !== undefined && { format: gaFormat(input.format, `${at}.format`) }),
    ...("turn_detection" in input && {
      turnDetection: turnsOf(input.turn_detection, `${at}.turn_detection`),
    }),
    ...transcriptionOf(input.transcription, `${at}.transcription`),
    ...("noise_reduction" in input && { noiseReduction: input.noise_reduction }),
    ...(Array.isArray(include) && { include }),
  };
}

/** The same for the beta's form. */
export function withBetaSession(current: Configuration, session: Fields): Configuration {
  const { include, input_audio_format: format, input_audio_transcription: transcription } = session;
  return {
    ...current,
    ...(format !== undefined && { format: betaFormat(format, "session.input_audio_format") }),
    ...("turn_detection" in session && {
      turnDetection: turnsOf(session.turn_detection, "session.turn_detection"),
    }),
    ...transcriptionOf(transcription, "session.input_audio_transcription"),
    ...("input_audio_noise_reduction" in session && {
      noiseReduction: session.input_audio_noise_reduction,
    }),
    ...(Array.isArray(include) && { include }),
  };
}

/** Options of a stream for such a session. */
export function streamOptionsOf({
  format,
  keywords,
  language,
  prompt,
  turnDetection,
}: Configuration): StreamOptions {
  const { encoding, sampleRate } = SOUNDS[format];
  return {
    encoding: encoding!,
    sampleRate,
    // What the client commits itself is told when it is final.
    interim: turnDetection !== null,
    ...(language !== undefined && { language }),
    ...(prompt !== undefined && { initialPrompt: prompt }),
    ...(keywords.length > 0 && { hotwords: keywords }),
    ...(turnDetection && {
      endpointMs: silenceOf(turnDetection),
      ...(turnDetection.threshold !== DEFAULT_TURNS.threshold && {
        vadOptions: { threshold: turnDetection.threshold },
      }),
    }),
  };
}

function silenceOf({ eagerness, silence, type }: TurnDetection): number {
  return type === "server_vad" ? silence : (PATIENCE[eagerness] ?? MEDIUM);
}

/** The session as the server tells it. */
export function sessionOf(id: string, configuration: Configuration, isBeta: boolean): object {
  const { format, include, keywords, language, model, noiseReduction, prompt } = configuration;
  const transcription = {
    model,
    language: language ?? null,
    prompt: prompt ?? "",
    ...(keywords.length > 0 && { keywords }),
  };
  const turns = turnDetectionOf(configuration.turnDetection);
  if (isBeta) {
    return {
      id,
      object: "realtime.transcription_session",
      input_audio_format: SOUNDS[format].beta,
      input_audio_transcription: transcription,
      turn_detection: turns,
      input_audio_noise_reduction: noiseReduction,
      include,
    };
  }
  const input = {
    format: SOUNDS[format].ga,
    transcription,
    noise_reduction: noiseReduction,
    turn_detection: turns,
  };
  return { id, object: "realtime.transcription_session", type: "transcription", audio: { input }, include };
}

function turnDetectionOf(turns: TurnDetection | null): object | null {
  if (!turns) return null;
  const { eagerness, prefixPadding, silence, threshold, type } = turns;
  if (type === "semantic_vad") return { type, eagerness };
  return { type, threshold, prefix_padding_ms: prefixPadding, silence_duration_ms: silence };
}

function turnsOf(value: unknown, field: string): TurnDetection | null {
  if (value === null) return null;
  const expected = "null, or an object with type server_vad or semantic_vad";
  if (!isObject(value)) throw wrong(field, expected, value);
  const { type = "server_vad" } = value;
  if (type !== "server_vad" && type !== "semantic_vad")
    throw wrong(`${field}.type`, "server_vad or semantic_vad", type);
  return {
    type,
    threshold: numberIn(value.threshold, 0.01, 1) ?? DEFAULT_TURNS.threshold,
    prefixPadding: numberIn(value.prefix_padding_ms, 0, 10_000) ?? DEFAULT_TURNS.prefixPadding,
    silence: numberIn(value.silence_duration_ms, 200, 5000) ?? DEFAULT_TURNS.silence,
    eagerness: textOf(value.eagerness) ?? DEFAULT_TURNS.eagerness,
  };
}

function transcriptionOf(value: unknown, field: string): Partial<Configuration> {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw wrong(field, "an object", value);
  const model = textOf(value.model);
  return {
    ...(model !== undefined && { model }),
    ...("language" in value && { language: languageOf(value.language, `${field}.language`) }),
    ...("prompt" in value && { prompt: textOf(value.prompt) }),
    ...(Array.isArray(value.keywords) && {
      keywords: value.keywords.filter((word): word is string => textOf(word) !== undefined),
    }),
  };
}

function gaFormat(value: unknown, field: string): AudioFormat {
  const name = isObject(value) ? value.type : value;
  const [format] = Object.keys(SOUNDS).filter((key) => `audio/${key}` === name) as AudioFormat[];
  if (!format) throw wrong(`${field}.type`, "audio/pcm, audio/pcmu or audio/pcma", name);
  const rate = isObject(value) ? value.rate : undefined;
  if (format === "pcm" && rate !== undefined && rate !== SOUNDS.pcm.sampleRate)
    throw wrong(`${field}.rate`, String(SOUNDS.pcm.sampleRate), rate);
  return format;
}

function betaFormat(value: unknown, field: string): AudioFormat {
  const [format] = Object.entries(SOUNDS).filter(([, { beta }]) => beta === value);
  if (!format) throw wrong(field, "pcm16, g711_ulaw or g711_alaw", value);
  return format[0] as AudioFormat;
}

function wrong(field: string, expected: string, received: unknown): TranscriptionError {
  const shown = JSON.stringify(received) ?? "nothing";
  return new TranscriptionError(
    "INVALID_ARGUMENT",
    `Expected ${expected} for ${field} but received ${shown.slice(0, 200)}`,
    { option: field },
  );
}
