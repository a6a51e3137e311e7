import { TranscriptionError } from "../../index.js";

/** How the requests of a door name the library's options. */
export interface OptionNames {
  /** Where options stand in a request: `config.options.`. */
  prefix: string;
  /** A field by the name of its option, without an index. */
  fieldOf(option: string): string;
  /** What a client can do about what the library would have its program do, by option. */
  advice: Readonly<Record<string, readonly [field: string, message: string]>>;
  /** Where a client finds the model's languages. */
  languages: string;
}

/** What is the server's own affair, and no field of a request. */
const OURS = /^(input|on[A-Z]\w*|model|implementation|signal)\b/;
/** Options as the library writes them: `vadOptions.threshold`, `minSpeakers`. */
const NAMES = /(?<![\w.])(?:(?:vadOptions|diarize|roles|limits)\.\w+|[a-z]+(?:[A-Z][a-z]+)+)\b/g;
/** A member of a list, or a voice by the name that a request gave it, behind the option. */
const MEMBER = /^(diarize\.knownVoices(?=\.)|.*?)((?<=knownVoices)\..*|\[\d+\])?$/s;
/** After this comes what was given, which is quoted as it is. */
const RECEIVED = " but received ";

/**
 * An error of the library in the words of a request: fields as it names them, and the limit that was set.
 * @param maxDuration what the request allows, where that is less than what the server does
 */
export function inWordsOf(names: OptionNames, error: unknown, maxDuration?: number): unknown {
  if (!(error instanceof TranscriptionError)) return error;
  const { message, option } = error;
  // None that the server has or can fetch: no fault of the server's, but a request that this one cannot do.
  const isMissing = error.code === "MODEL_NOT_FOUND" && option === "diarize.model";
  const code = isMissing ? "INVALID_ARGUMENT" : error.code;
  const field = (name: string): string => {
    const [, bare = name, member = ""] = MEMBER.exec(name) ?? [];
    return names.fieldOf(bare) + member;
  };
  if (code === "AUDIO_TOO_LONG" && maxDuration !== undefined) {
    const limit = names.prefix + field("limits.maxDuration");
    return new TranscriptionError(code, message.replace("limits.maxDuration", limit), { cause: error });
  }
  // Those of the request's other parts are named by who made them.
  if (code !== "INVALID_ARGUMENT" || option === undefined || isNamed(names, option)) return error;
  if (OURS.test(option)) return new TranscriptionError("INTERNAL", message, { cause: error });
  const [wrong, said] = names.advice[option] ?? [field(option), inFields(names, message, option, field)];
  return new TranscriptionError(code, said, { cause: error, option: names.prefix + wrong });
}

/** It stands under the name of a request already. */
function isNamed({ prefix }: OptionNames, option: string): boolean {
  return prefix !== "" && option.startsWith(prefix.replace(/\..*$/, "."));
}

function inFields(
  { prefix, languages }: OptionNames,
  message: string,
  option: string,
  field: (name: string) => string,
): string {
  const [said = "", ...received] = message.split(RECEIVED);
  const named = said
    .replace(` for ${option}`, () => ` for ${prefix}${field(option)}`)
    .replace("the transcriber's info.languages", languages)
    .replace(NAMES, (name) => (name.includes(".") ? prefix : "") + field(name));
  return [named, ...received].join(RECEIVED);
}
