import { TranscriptionError } from "../../../index.js";
import { snakeCase } from "../../../service/options/fields.js";
import { inWordsOf, type OptionNames } from "../../../service/options/request-errors.js";
import { variableOf } from "../../../service/settings.js";

/** Where options stand in requests. */
export const OPTIONS = "config.options.";

/** Fields that the library's options do not have the names of. */
const FIELDS: Record<string, string> = {
  temperature: "temperatures",
  suppressTokens: "suppress_tokens.ids",
  channels: "channels.index",
  "limits.maxDuration": "max_duration",
};

const NAMES: OptionNames = {
  prefix: OPTIONS,
  fieldOf: (option) => FIELDS[option] ?? snakeCase(option),
  advice: {
    "diarize.model": [
      "diarize",
      `Expected neither ${OPTIONS}roles.seller_voices, ${OPTIONS}diarize.known_voices nor ${OPTIONS}diarize ` +
        "for a recording of one channel: " +
        "the server has no diarization model (agora-transcribe models download nemotron-3-diarization, " +
        "or AGORA_DIARIZATION_MODEL)",
    ],
    "diarize.engine": [
      "diarize.engine",
      `Expected an engine that the server has a model of (GetServerInfo) for ${OPTIONS}diarize.engine`,
    ],
    vadFilter: [
      "vad_filter",
      `Expected no VAD_FILTER_ON for ${OPTIONS}vad_filter: the server has no VAD model (${variableOf("vadModel")}=off)`,
    ],
  },
  languages: "GetServerInfo",
};

/**
 * An error of the library in the words of a request: fields as the contract names them, and the limit that was set.
 * @param maxDuration what the request allows, where that is less than what the server does
 */
export function inRequest(error: unknown, maxDuration?: number): unknown {
  return inWordsOf(NAMES, error, maxDuration);
}

const LIVE: OptionNames = {
  prefix: "config.",
  fieldOf: snakeCase,
  advice: {
    "diarize.model": [
      "diarize",
      "Expected no config.diarize for speakers of one channel: the server has no model that tells them apart while they " +
        "speak (agora-transcribe models download nemotron-3-diarization)",
    ],
  },
  languages: "GetServerInfo",
};

/** The same of a live stream, whose options stand in its configuration itself. */
export function inLiveRequest(error: unknown): unknown {
  if (error instanceof TranscriptionError && error.option === "model")
    return new TranscriptionError(error.code, error.message, { cause: error, option: "config.model" });
  return inWordsOf(LIVE, error);
}
