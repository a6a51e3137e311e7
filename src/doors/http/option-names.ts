import { fieldName, OPTION_FIELDS, type OptionPath, snakeCase } from "../../service/options/fields.js";
import type { Given } from "../../service/options/read-options.js";
import { inWordsOf, type OptionNames } from "../../service/options/request-errors.js";
import { variableOf } from "../../service/settings.js";

/** What comes in another form than its option. */
const OTHERS: Readonly<Record<string, string>> = { "diarize.knownVoices": "known_speaker_references" };

/** How forms name options. */
export const FORM_NAMES: OptionNames = {
  prefix: "",
  fieldOf: (option) =>
    OTHERS[option] ??
    (Object.hasOwn(OPTION_FIELDS, option) ? fieldName(option as OptionPath) : snakeCase(option)),
  advice: {
    "diarize.model": [
      "diarize",
      "Expected no diarize for a recording of one channel: the server has no diarization model " +
        "(agora-transcribe models download nemotron-3-diarization, or AGORA_DIARIZATION_MODEL)",
    ],
    vadFilter: [
      "vad_filter",
      `Expected no true for vad_filter: the server has no VAD model (${variableOf("vadModel")}=off)`,
    ],
  },
  languages: "GET /v1/models",
};

/** The same where some options have other names, or there is other advice. */
export function formNames(
  own: Readonly<Record<string, string>>,
  advice: OptionNames["advice"] = {},
): OptionNames {
  return {
    ...FORM_NAMES,
    fieldOf: (option) => own[option] ?? FORM_NAMES.fieldOf(option),
    advice: { ...FORM_NAMES.advice, ...advice },
  };
}

/** What else a request may have given an option by. */
export type Aliases = Readonly<Partial<Record<OptionPath, string | undefined>>>;

/** The same where some options may have come by another field: they have, where they did not come by their own. */
export function aliasNames(aliases: Aliases, given: Given): OptionNames {
  const used = Object.entries(aliases).filter(
    (entry): entry is [OptionPath, string] =>
      entry[1] !== undefined && given(fieldName(entry[0] as OptionPath)).every((text) => text === ""),
  );
  const advice = used.flatMap(([option, alias]) => {
    const [field, message] = FORM_NAMES.advice[option] ?? [];
    if (field === undefined || message === undefined) return [];
    return [[option, [alias, message.replace(` for ${field}`, ` for ${alias}`)]] as const];
  });
  return formNames(Object.fromEntries(used), Object.fromEntries(advice));
}

/** Does `work`, whose errors name fields as forms do. @param maxDuration what the request allows */
export function inForm<T>(work: () => T, maxDuration?: number, names = FORM_NAMES): T {
  try {
    return work();
  } catch (error) {
    throw inWordsOf(names, error, maxDuration);
  }
}

/** The same for what comes later. */
export async function inFormLater<T>(work: Promise<T>, maxDuration?: number, names = FORM_NAMES): Promise<T> {
  return work.catch((error: unknown) => {
    throw inWordsOf(names, error, maxDuration);
  });
}
