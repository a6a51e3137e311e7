import type { LiveEncoding } from "../../../index.js";
import { TranscriptionError } from "../../../index.js";
import { isObject, languageOf, numberIn, readObject, textOf } from "../fields.js";
import type { StreamOptions } from "../session.js";

/** What a client of WhisperLive asks for in its first message. */
export interface Asked {
  /** Comes back in every answer. */
  uid: string;
  /** Has left the language to be found. */
  detectsLanguage: boolean;
  /**
   * Comes from an extension of a browser, which takes the first message after the one about readiness for the language
   * where it has left that open.
   */
  isExtension: boolean;
  /** Completed segments in a message. */
  lastSegments: number;
  words: boolean;
  /** Whether segments are to tell who says them, if the server can. */
  tellsSpeakers: boolean;
  /** Speakers at most; undefined: as many as there are. */
  mostSpeakers: number | undefined;
  model: string | undefined;
  stream: StreamOptions;
  /** What it asks for and does not get. */
  warnings: string[];
}

/** Characters of an id, which stands in every answer. */
const LONGEST_UID = 200;
/** As many as a transcript has there. */
const MOST_SEGMENTS = 500;
const DEFAULT_SEGMENTS = 10;
const MOST_SPEAKERS = 1000;

const ENCODINGS: Readonly<Record<string, LiveEncoding>> = { float32: "f32le", int16: "s16le", uint8: "u8" };

/**
 * Models and fields that nobody knows are no fault: clients name what the reference has, and later ones more.
 * @throws TranscriptionError INVALID_ARGUMENT
 */
export function readFirstMessage(text: string): Asked {
  const fields = readObject(text, "a JSON object with uid, language, task and model as the first message");
  const { uid } = fields;
  if (typeof uid !== "string" || uid.length > LONGEST_UID) {
    const message = `Expected a string of at most ${LONGEST_UID} characters for uid`;
    throw new TranscriptionError("INVALID_ARGUMENT", message, { option: "uid" });
  }
  const language = languageOf(fields.language, "language");
  const format = fields.audio_format ?? "float32";
  const encoding = typeof format === "string" ? ENCODINGS[format] : undefined;
  if (!encoding) {
    const message = "Expected float32, int16 or uint8 for audio_format";
    throw new TranscriptionError("INVALID_ARGUMENT", message, { option: "audio_format" });
  }
  const words = fields.word_timestamps === true;
  const initialPrompt = textOf(fields.initial_prompt);
  const hotwords = textOf(fields.hotwords);
  const threshold = isObject(fields.vad_parameters)
    ? numberIn(fields.vad_parameters.threshold, 0.01, 1)
    : undefined;
  const last = numberIn(fields.send_last_n_segments, 1, MOST_SEGMENTS) ?? DEFAULT_SEGMENTS;
  const most = numberIn(fields.max_speakers, 1, MOST_SPEAKERS);
  return {
    uid,
    detectsLanguage: language === undefined,
    isExtension: !("send_last_n_segments" in fields),
    lastSegments: Math.floor(last),
    words,
    tellsSpeakers: fields.enable_diarization === true,
    mostSpeakers: most === undefined ? undefined : Math.floor(most),
    model: textOf(fields.model),
    stream: {
      sampleRate: 16_000,
      encoding,
      words,
      ...(language !== undefined && { language }),
      ...(fields.task === "translate" && { task: "translate" as const }),
      ...(initialPrompt !== undefined && { initialPrompt }),
      ...(hotwords !== undefined && { hotwords }),
      ...(threshold !== undefined && { vadOptions: { threshold } }),
    },
    warnings: [
      ...(fields.enable_translation === true
        ? [
            "There is no translation beside the text: enable_translation is left out (task translate writes English)",
          ]
        : []),
    ],
  };
}
