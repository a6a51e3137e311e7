import { isLoopback } from "./addresses.js";
import { entriesOf } from "./setting-values.js";
import { LIVE_SOCKET_PORTS, type ServerSettings, TOKEN_SETTINGS, variableOf } from "./settings.js";

/** What the operator should know about who may use the server, and who may listen. */
export function exposureWarnings(settings: ServerSettings): string[] {
  return [...warningsOfTokens(settings), ...warningsOfPeers(settings)];
}

function warningsOfTokens(settings: ServerSettings): string[] {
  const { grpc, host, http, httpHost, liveHost, tlsCertificate, tlsClientAuthority } = settings;
  const open = [
    ...(grpc ? [["host", host] as const] : []),
    ...(http ? [["httpHost", httpHost] as const] : []),
    ...(LIVE_SOCKET_PORTS.some((port) => settings[port] !== undefined)
      ? [["liveHost", liveHost] as const]
      : []),
  ]
    .filter(([, address]) => !isLoopback(address))
    .map(([key, address]) => `${variableOf(key)}=${address}`);
  if (open.length === 0) return [];
  const hasToken = TOKEN_SETTINGS.some((keys) => keys.some((key) => settings[key] !== undefined));
  const where = open.join(" and ");
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

/** Of a list of who may send phone calls that keeps nobody out. */
function warningsOfPeers({ audioSocketPeers, audioSocketPort, liveHost }: ServerSettings): string[] {
  if (audioSocketPort === undefined || isLoopback(liveHost)) return [];
  const all = entriesOf(audioSocketPeers).filter((entry) => /\/0+$/.test(entry));
  if (all.length === 0) return [];
  return [
    `ANYONE who reaches ${variableOf("liveHost")}=${liveHost} may send phone calls: ` +
      `${variableOf("audioSocketPeers")} names all addresses (${all.join(", ")}), and AudioSocket has no tokens. ` +
      "Name those of the telephone system alone",
  ];
}
