import type { ValueKind } from "./setting-values.js";
import { SETTINGS, type ServerSettings, variableOf } from "./settings.js";

type Key = keyof ServerSettings;
type Shown = { fallback: unknown; isPrivate?: boolean; kind: ValueKind<unknown> };

/** Variables of limits that the library names in its messages. */
const LIMIT_VARIABLES = {
  "limits.maxBytes": variableOf("maxUploadBytes"),
  "limits.maxDuration": variableOf("maxDuration"),
  "limits.decodeTimeout": variableOf("decodeTimeout"),
};

/** A message of the library with the server's names for limits. */
export function withVariableNames(message: string): string {
  return Object.entries(LIMIT_VARIABLES).reduce(
    (named, [limit, variable]) => named.replaceAll(limit, variable),
    message,
  );
}

/** All settings by variable, as they would be written; of private ones, whether they are set. */
export function publicSettings(settings: ServerSettings): Record<string, string> {
  const shown = (key: Key): string => {
    const value = settings[key];
    if (value === undefined) return "";
    const { fallback, isPrivate, kind }: Shown = SETTINGS[key];
    // Neither nothing nor what everybody has tells anything.
    return isPrivate && value !== null && value !== fallback ? "(set)" : written(value, kind);
  };
  return Object.fromEntries((Object.keys(SETTINGS) as Key[]).map((key) => [variableOf(key), shown(key)]));
}

/** A value as a variable of the environment would have it. */
export function written(value: unknown, { write }: ValueKind<unknown>): string {
  if (write) return write(value);
  if (value === null) return "off";
  return value === Number.POSITIVE_INFINITY ? "0" : String(value);
}
