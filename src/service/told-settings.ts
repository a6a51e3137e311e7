import { SETTINGS, type ServerSettings, variableOf } from "./settings.js";

type Key = keyof ServerSettings;

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
    if (value === null) return "off";
    if (SETTINGS[key].isPrivate) return "(set)";
    return value === Number.POSITIVE_INFINITY ? "0" : String(value);
  };
  return Object.fromEntries((Object.keys(SETTINGS) as Key[]).map((key) => [variableOf(key), shown(key)]));
}
