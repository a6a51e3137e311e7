import { isIP } from "node:net";

/** `::1` for `[::1]`. */
export function withoutBrackets(host: string): string {
  return host.replace(/^\[|\]$/g, "").toLowerCase();
}

/** Reached from this machine only. */
export function isLoopback(host: string): boolean {
  const bare = withoutBrackets(host);
  return bare === "localhost" || bare === "::1" || /^(::ffff:)?127\.\d+\.\d+\.\d+$/.test(bare);
}

/** Every address of the machine. */
export function isWildcard(host: string): boolean {
  return ["::", "0.0.0.0"].includes(withoutBrackets(host));
}

/** A number rather than a name that somebody's server of names could say anything about. */
export function isAddress(host: string): boolean {
  return isIP(withoutBrackets(host)) !== 0;
}

/** A name, or `*`. */
export function isHostName(name: string): boolean {
  return name === "*" || /^[a-z0-9]([a-z0-9.-]{0,252})$/i.test(name);
}

/** Scheme, host and port, as browsers write them. */
export function isOrigin(text: string): boolean {
  try {
    const { origin, protocol } = new URL(text);
    return /^https?:$/.test(protocol) && origin === text.toLowerCase();
  } catch {
    return false;
  }
}
