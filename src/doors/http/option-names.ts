import { fieldName, OPTION_FIELDS, type OptionPath, snakeCase } from "../../service/options/fields.js";
import { inWordsOf, type OptionNames } from "../../service/options/request-errors.js";
import { variableOf } from "../../service/settings.js";

const NAMES: OptionNames = {
  prefix: "",
  fieldOf: (option) =>
    Object.hasOwn(OPTION_FIELDS, option) ? fieldName(option as OptionPath) : snakeCase(option),
  advice: {
    "diarize.model": [
      "diarize",
      "Expected no diarize for a recording of one channel: the server has no diarization model (AGORA_DIARIZATION_MODEL)",
    ],
    vadFilter: [
      "vad_filter",
      `Expected no true for vad_filter: the server has no VAD model (${variableOf("vadModel")}=off)`,
    ],
  },
  languages: "GET /v1/models",
};

/** Does `work`, whose errors name fields as forms do. @param maxDuration what the request allows */
export function inForm<T>(work: () => T, maxDuration?: number): T {
  try {
    return work();
  } catch (error) {
    throw inWordsOf(NAMES, error, maxDuration);
  }
}

/** The same for what comes later. */
export async function inFormLater<T>(work: Promise<T>, maxDuration?: number): Promise<T> {
  return work.catch((error: unknown) => {
    throw inWordsOf(NAMES, error, maxDuration);
  });
}
