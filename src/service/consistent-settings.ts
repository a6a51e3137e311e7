import { TranscriptionError } from "../index.js";
import { isLoopback } from "./addresses.js";
import { parseStoreAddress } from "./recordings/store-address.js";
import {
  LIVE_SOCKET_PORTS,
  type ServerSettings,
  type SettingKey,
  TOKEN_SETTINGS,
  variableOf,
} from "./settings.js";

/**
 * Refuses settings of which each is right and that do not go together: they would protect less than they say.
 * @param nameOf what settings are called in messages
 * @throws TranscriptionError INVALID_ARGUMENT that names them all
 */
export function requireConsistent(
  settings: ServerSettings,
  nameOf: (key: SettingKey) => string = variableOf,
): void {
  const found = contradictions(settings, nameOf);
  const [first] = found;
  if (!first) return;
  const message = found.map(({ setting, problem }) => `${setting}: ${problem}`).join("\n  ");
  throw new TranscriptionError("INVALID_ARGUMENT", message, { option: first.setting });
}

export interface Contradiction {
  setting: string;
  problem: string;
}

/** What does not go together, each with the setting to look at. */
export function contradictions(
  settings: ServerSettings,
  nameOf: (key: SettingKey) => string = variableOf,
): Contradiction[] {
  const found: Contradiction[] = [];
  const isSet = (key: SettingKey): boolean => settings[key] !== undefined;
  const add = (key: SettingKey, problem: string) => found.push({ setting: nameOf(key), problem });
  const [certificate, key] = [nameOf("tlsCertificate"), nameOf("tlsKey")];
  if (isSet("tlsCertificate") && !isSet("tlsKey"))
    add("tlsKey", `expected the path of a PEM file, since ${certificate} is set`);
  if (isSet("tlsKey") && !isSet("tlsCertificate"))
    add("tlsCertificate", `expected the path of a PEM file, since ${key} is set`);
  if (isSet("tlsClientAuthority") && !isSet("tlsCertificate"))
    add("tlsClientAuthority", `needs ${certificate} and ${key}`);
  for (const [token, file] of TOKEN_SETTINGS) {
    if (isSet(token) && isSet(file)) add(file, `expected no file, since ${nameOf(token)} is set`);
  }
  const [first, next] = TOKEN_SETTINGS.map((keys) => keys.some(isSet));
  const [token, file] = TOKEN_SETTINGS[0].map(nameOf) as [string, string];
  if (next && !first) add("nextApiToken", `needs ${token} or ${file}`);
  if (!settings.grpc && !settings.http)
    add("http", `expected true, since ${nameOf("grpc")} is false: the server has no door`);
  const isGuarded = first || isSet("tlsClientAuthority");
  if (settings.http && !isGuarded && !settings.httpWithoutToken && !isLoopback(settings.httpHost)) {
    const ways = `${token}, ${file}, or ${nameOf("httpWithoutToken")} for a server that anybody may use`;
    add("httpHost", `an address that others can reach needs ${ways}`);
  }
  const livePorts = LIVE_SOCKET_PORTS.filter((port) => isSet(port)).map(nameOf);
  if (livePorts.length > 0 && !isGuarded && !settings.liveWithoutToken && !isLoopback(settings.liveHost)) {
    const ways = `${token}, ${file}, or ${nameOf("liveWithoutToken")} for a server that anybody may use`;
    add("liveHost", `an address that others can reach (${livePorts.join(", ")}) needs ${ways}`);
  }
  if (isSet("recordingsAuthorization") && parseStoreAddress(settings.recordingsStore ?? "")?.kind !== "http")
    add(
      "recordingsStore",
      `expected another system's address, since ${nameOf("recordingsAuthorization")} is set`,
    );
  if (isSet("queueUrl") && !isSet("queueStore"))
    add(
      "queueStore",
      `expected a folder that all machines mount, or s3://…, since ${nameOf("queueUrl")} is set`,
    );
  if (isSet("queueStore") && !isSet("queueUrl"))
    add("queueUrl", `expected one, since ${nameOf("queueStore")} is set`);
  if (isSet("queueUrl") && isSet("jobsFolder"))
    add(
      "jobsFolder",
      `expected nothing, since ${nameOf("queueUrl")} is set: jobs are in the queue, and in ${nameOf("queueStore")}`,
    );
  const keeps = (["liveRecord", "liveAgain"] as const).filter((key) => settings[key]);
  const store = isSet("recordingsStore") ? parseStoreAddress(settings.recordingsStore!)?.kind : undefined;
  if (keeps.length > 0 && store !== "folder" && store !== "s3")
    add("recordingsStore", `expected a folder or a bucket, since ${keeps.map(nameOf).join(" and ")} is true`);
  if (settings.requireToken && !first)
    add("apiToken", `expected a token, or ${file}, since ${nameOf("requireToken")} is set`);
  return found;
}
