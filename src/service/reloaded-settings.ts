import { requireConsistent } from "./consistent-settings.js";
import { SETTINGS, type ServerSettings, type SettingKey, variableOf } from "./settings.js";

/** Files that may be replaced while the server runs. */
const WATCHED = [
  "tlsCertificate",
  "tlsKey",
  "tlsClientAuthority",
  "apiTokenFile",
  "nextApiTokenFile",
] as const satisfies readonly SettingKey[];

/** Paths of the files that are read again when they change. */
export function watchedFiles(settings: ServerSettings): string[] {
  return WATCHED.flatMap((key) => settings[key] ?? []);
}

/** Settings that take effect when they are read again. */
const RELOADED: ReadonlySet<SettingKey> = new Set<SettingKey>([
  ...WATCHED,
  "apiToken",
  "nextApiToken",
  "twilioAuthToken",
  "webhookSecrets",
  "webhookAllowedHosts",
  "webhookPrivateHosts",
  "loggingLevel",
]);

/**
 * What a running server can take over from settings that were read again.
 * @returns its new settings, and the variables whose change needs another start
 * @throws TranscriptionError INVALID_ARGUMENT where what can be taken over does not go with what stays
 */
export function reloadable(
  current: ServerSettings,
  next: ServerSettings,
): { settings: ServerSettings; restart: string[] } {
  const isSecure = current.tlsCertificate !== undefined;
  const asksClients = current.tlsClientAuthority !== undefined;
  const changed = (Object.keys(SETTINGS) as SettingKey[]).filter((key) => current[key] !== next[key]);
  const taken = changed.filter((key) => {
    if (key === "tlsCertificate" || key === "tlsKey") return isSecure && next[key] !== undefined;
    if (key === "tlsClientAuthority") return asksClients && next[key] !== undefined;
    return RELOADED.has(key);
  });
  const settings = { ...current, ...Object.fromEntries(taken.map((key) => [key, next[key]])) };
  requireConsistent(settings);
  return { settings, restart: changed.filter((key) => !taken.includes(key)).map(variableOf) };
}
