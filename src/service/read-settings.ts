import { TranscriptionError } from "../index.js";
import { contradictions } from "./consistent-settings.js";
import { type FlagValues, SETTINGS, type ServerSettings, type Setting, type SettingKey } from "./settings.js";

/** Whose values are never shown. */
const SECRETS: ReadonlySet<SettingKey> = new Set<SettingKey>([
  "apiToken",
  "nextApiToken",
  "queueUrl",
  "recordingsAuthorization",
  "twilioAuthToken",
  "webhookSecrets",
]);

/**
 * Settings from `flags`, else `variables`, else defaults. A variable that is empty counts as not set, but for
 * those that protect the server.
 * @throws TranscriptionError INVALID_ARGUMENT that names every wrong value, what it is and what was expected
 */
export function readSettings(
  variables: Readonly<Record<string, string | undefined>>,
  flags: FlagValues = {},
): ServerSettings {
  const problems: string[] = [];
  let wrong: string | undefined;
  const read = (key: SettingKey): unknown => {
    const { variable, kind, fallback, mustHaveValue }: Setting<unknown, unknown> = SETTINGS[key];
    const flag = flags[key];
    const given = (flag ?? variables[variable])?.trim();
    if (given === undefined || (given === "" && flag === undefined && !mustHaveValue)) return fallback;
    const value = given === "" ? undefined : kind.parse(given);
    if (value === undefined) {
      const shown =
        given === ""
          ? `nothing: it is empty${mustHaveValue ? "; leave it out to go without" : ""}`
          : SECRETS.has(key)
            ? `${given.length} characters`
            : JSON.stringify(given);
      const meant = kind.suggest?.(given);
      wrong = flag === undefined ? variable : `--${kebab(key)}`;
      problems.push(
        `${wrong}: expected ${kind.expected} but received ${shown}` +
          (meant ? ` (did you mean "${meant}"?)` : ""),
      );
    }
    return value;
  };
  const settings = Object.fromEntries(
    (Object.keys(SETTINGS) as SettingKey[]).map((key) => [key, read(key)]),
  ) as ServerSettings;
  problems.push(...contradictions(settings).map(({ setting, problem }) => `${setting}: ${problem}`));
  if (problems.length === 0) return settings;
  const heading = problems.length === 1 ? "Wrong setting" : `${problems.length} wrong settings`;
  throw new TranscriptionError("INVALID_ARGUMENT", [`${heading}:`, ...problems].join("\n  "), {
    ...(problems.length === 1 && wrong !== undefined && { option: wrong }),
  });
}

function kebab(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
