import { type ServerSettings, TOKEN_SETTINGS, variableOf } from "./settings.js";

/** What the operator should know about who may use the server, and who may listen. */
export function exposureWarnings(settings: ServerSettings): string[] {
  const { host, tlsCertificate, tlsClientAuthority } = settings;
  if (isLoopback(host)) return [];
  const hasToken = TOKEN_SETTINGS.some((keys) => keys.some((key) => settings[key] !== undefined));
  const where = `${variableOf("host")}=${host}`;
  if (!hasToken && !tlsClientAuthority) {
    return [
      `ANYONE who reaches ${where} may use this server: it has no token. Set ${variableOf("apiToken")} or ` +
        `${variableOf("apiTokenFile")}, or ${variableOf("tlsClientAuthority")}, or listen on localhost only`,
    ];
  }
  if (hasToken && !tlsCertificate) {
    return [
      `The token and all recordings travel UNENCRYPTED to ${where}: set ${variableOf("tlsCertificate")} and ` +
        `${variableOf("tlsKey")}, unless a proxy on this machine or an encrypted network carries them`,
    ];
  }
  return [];
}

/** Reached from this machine only. */
function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, "").toLowerCase();
  return bare === "localhost" || bare === "::1" || /^(::ffff:)?127\.\d+\.\d+\.\d+$/.test(bare);
}
