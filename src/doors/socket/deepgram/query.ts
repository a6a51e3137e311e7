import { type LiveEncoding, TranscriptionError } from "../../../index.js";
import { keywordsOf } from "../../../service/deepgram.js";
import { languageOf, numberIn } from "../fields.js";
import type { StreamOptions } from "../session.js";

/** What a client of Deepgram asks for in the query of its address. */
export interface Listening {
  stream: StreamOptions;
  model: string | undefined;
  /** Channels that results are about: one where those of the audio are mixed. */
  channels: number;
  /** Channels to mix into one; 1: there is nothing to mix. */
  mixed: number;
  /** Seconds after the last word in which nobody speaks, which are told; undefined: they are not. */
  utteranceEnd: number | undefined;
  /** Whether words are to tell who says them, if the server can. */
  tellsSpeakers: boolean;
  /** Whether the beginning of speech is told. */
  tellsSpeech: boolean;
}

const ENCODINGS: Readonly<Record<string, LiveEncoding>> = { linear16: "s16le", mulaw: "mulaw", alaw: "alaw" };
/** Hz of G.711 where nothing else is said. */
const TELEPHONY = 8000;
const LONGEST_ENDPOINT = 5000;

/**
 * What is about the looks of texts, or about models that there are not, is passed over.
 * @throws TranscriptionError INVALID_ARGUMENT that names the parameter
 */
export function readListening(query: URLSearchParams): Listening {
  const is = (name: string) => /^true$/i.test(query.get(name) ?? "");
  const given = query.get("encoding") ?? "";
  const encoding = ENCODINGS[given.toLowerCase()];
  if (!encoding) {
    const received =
      given === "" ? "nothing: audio in a container cannot be read as it comes" : JSON.stringify(given);
    throw wrong("encoding", "linear16, mulaw or alaw", received);
  }
  const rate =
    numberOf(query, "sample_rate", 8000, 192_000) ?? (encoding === "s16le" ? undefined : TELEPHONY);
  if (rate === undefined) throw wrong("sample_rate", "the rate of the audio in Hz", "nothing");
  const count = numberOf(query, "channels", 1, 8) ?? 1;
  const isMany = is("multichannel");
  if (count > 1 && !isMany && encoding !== "s16le")
    throw wrong("channels", "1 for G.711 without multichannel", String(count));
  const language = languageOf(query.get("language") ?? undefined, "language");
  const utteranceEnd = numberIn(query.get("utterance_end_ms") ?? undefined, 0, Number.MAX_SAFE_INTEGER);
  const hotwords = keywordsOf(query.getAll("keyterm"), query.getAll("keywords"));
  const channels = isMany ? count : 1;
  return {
    model: query.get("model") ?? undefined,
    channels,
    mixed: isMany ? 1 : count,
    utteranceEnd: utteranceEnd === undefined ? undefined : utteranceEnd / 1000,
    tellsSpeakers: is("diarize") || isNamed(query.get("diarize_model")),
    tellsSpeech: is("vad_events"),
    stream: {
      encoding,
      sampleRate: rate,
      channels,
      words: true,
      interim: is("interim_results"),
      endpointMs: endpointOf(query.get("endpointing")),
      ...(language !== undefined && { language }),
      ...(hotwords.length > 0 && { hotwords }),
    },
  };
}

function isNamed(value: string | null): boolean {
  return !/^(|false|0|no)$/i.test(value ?? "");
}

/** Deepgram's 10 ms would part sentences: the model is asked for whole ones. */
function endpointOf(value: string | null): number {
  if (value === "false") return LONGEST_ENDPOINT;
  return numberIn(value ?? undefined, 300, LONGEST_ENDPOINT) ?? 300;
}

function numberOf(query: URLSearchParams, name: string, min: number, max: number): number | undefined {
  const given = query.get(name);
  if (given === null) return undefined;
  const number = /^\d+$/.test(given) ? Number(given) : Number.NaN;
  if (!(number >= min && number <= max))
    throw wrong(name, `a whole number from ${min} to ${max}`, JSON.stringify(given.slice(0, 100)));
  return number;
}

function wrong(option: string, expected: string, received: string): TranscriptionError {
  const message = `Expected ${expected} for ${option} but received ${received}`;
  return new TranscriptionError("INVALID_ARGUMENT", message, { option });
}
