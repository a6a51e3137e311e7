import { TranscriptionError } from "../../../index.js";
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

/** What a client can do about what the library would have its program do. */
const ADVICE: Record<string, [field: string, message: string]> = {
  "diarize.model": [
    "diarize",
    `Expected neither ${OPTIONS}roles.seller_voices nor ${OPTIONS}diarize for a recording of one channel: ` +
      "the server has no diarization model (AGORA_DIARIZATION_MODEL)",
  ],
  vadFilter: [
    "vad_filter",
    `Expected no VAD_FILTER_ON for ${OPTIONS}vad_filter: the server has no VAD model (${variableOf("vadModel")}=off)`,
  ],
};
/** What is the server's own affair, and no field of a request. */
const OURS = /^(input|on[A-Z]\w*|model|implementation|signal)\b/;

/** Options as the library writes them: `vadOptions.threshold`, `minSpeakers`. */
const NAMES = /(?<![\w.])(?:(?:vadOptions|diarize|roles|limits)\.\w+|[a-z]+(?:[A-Z][a-z]+)+)\b/g;
/** After this comes what was given, which is quoted as it is. */
const RECEIVED = " but received ";

/**
 * An error of the library in the words of a request: fields as the contract names them, and the limit that was set.
 * @param maxDuration what the request allows, where that is less than what the server does
 */
export function inRequest(error: unknown, maxDuration?: number): unknown {
  if (!(error instanceof TranscriptionError)) return error;
  const { code, message, option } = error;
  if (code === "AUDIO_TOO_LONG" && maxDuration !== undefined)
    return new TranscriptionError(code, message.replace("limits.maxDuration", `${OPTIONS}max_duration`), {
      cause: error,
    });
  // Those of the request's other parts are named by who made them.
  if (code !== "INVALID_ARGUMENT" || option === undefined || option.startsWith("config.")) return error;
  if (OURS.test(option)) return new TranscriptionError("INTERNAL", message, { cause: error });
  const [field, said] = ADVICE[option] ?? [fieldOf(option), inFields(message, option)];
  return new TranscriptionError(code, said, { cause: error, option: OPTIONS + field });
}

/** `temperatures[1]` for `temperature[1]`. */
function fieldOf(option: string): string {
  const [, name = option, index = ""] = /^(.*?)(\[\d+\])?$/s.exec(option) ?? [];
  return (FIELDS[name] ?? snakeCase(name)) + index;
}

function inFields(message: string, option: string): string {
  const [said = "", ...received] = message.split(RECEIVED);
  const named = said
    .replace(` for ${option}`, () => ` for ${OPTIONS}${fieldOf(option)}`)
    .replace("the transcriber's info.languages", "GetServerInfo")
    .replace(NAMES, (name) => (name.includes(".") ? OPTIONS + fieldOf(name) : snakeCase(name)));
  return [named, ...received].join(RECEIVED);
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
