import { nearest } from "../config/nearest.js";
import { invalidArgument, TranscriptionError } from "../errors.js";
import { requireConsistent } from "./consistent-settings.js";
import type { ValueKind } from "./setting-values.js";
import { SETTINGS, type ServerSettings } from "./settings.js";
import { written } from "./told-settings.js";

type Key = keyof ServerSettings;
const KEYS = Object.keys(SETTINGS) as Key[];

/** Settings that say what to load, and how. */
const OF_MODEL = [
  "implementation",
  "model",
  "device",
  "threads",
  "batchSize",
  "computeType",
  "draftModel",
  "vadModel",
  "modelsServed",
  "modelTtl",
  "modelMainTtl",
  "modelsMaxMemory",
] as const satisfies readonly Key[];

/**
 * Settings of a program, each checked as that of an environment would be, with the defaults of those that it leaves out.
 * @throws TranscriptionError INVALID_ARGUMENT that names the setting that is wrong, unknown, or does not go with another
 */
export function withDefaults(given: Partial<ServerSettings>): ServerSettings {
  if (typeof given !== "object" || given === null) throw invalidArgument("settings", "an object", given);
  for (const key of Object.keys(given)) if (!Object.hasOwn(SETTINGS, key)) throw unknownSetting(key);
  const settings = Object.fromEntries(
    KEYS.map((key) => [key, checkedValue(key, given[key])]),
  ) as ServerSettings;
  requireConsistent(settings, (key) => key);
  return settings;
}

/** @throws TranscriptionError INVALID_ARGUMENT for one that is not its default */
export function refuseModelSettings(settings: ServerSettings): void {
  const key = OF_MODEL.find((name) => settings[name] !== SETTINGS[name].fallback);
  if (key === undefined) return;
  throw new TranscriptionError(
    "INVALID_ARGUMENT",
    `Expected no ${key} beside a transcriber, which is loaded already`,
    { option: key },
  );
}

function checkedValue(key: Key, value: unknown): unknown {
  const { kind, fallback } = SETTINGS[key];
  if (value === undefined || value === fallback) return fallback;
  const parsed = kind.parse(written(value, kind as ValueKind<unknown>));
  // What only reads like it, such as a number in a string, is a mistake of the program.
  if (parsed !== undefined && typeof parsed === typeof value) return parsed;
  const isSecret = typeof value === "string" && SETTINGS[key].isPrivate;
  throw invalidArgument(key, kind.expected, isSecret ? `${value.length} characters` : value);
}

function unknownSetting(key: string): TranscriptionError {
  const meant = nearest(key, KEYS);
  const hint = meant ? `did you mean ${meant}?` : `known are ${KEYS.join(", ")}`;
  return new TranscriptionError("INVALID_ARGUMENT", `Unknown setting ${JSON.stringify(key)}: ${hint}`, {
    option: key,
  });
}
