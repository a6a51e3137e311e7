import type { ModelEnvironment } from "./environment.js";

/** Where models come from unless a mirror takes its place. */
export const HUB = "https://huggingface.co";

/**
 * The secret that the server of `url` may be told: a mirror is another party than the Hub, and is not told the Hub's.
 * Nothing is told where others could listen, see {@link isPrivate}.
 */
export function tokenFor(
  url: URL,
  { mirror, mirrorToken, token }: Pick<ModelEnvironment, "mirror" | "mirrorToken" | "token">,
): string | undefined {
  if (!isPrivate(url)) return undefined;
  if (url.origin === HUB) return token;
  return mirror !== undefined && url.origin === new URL(mirror).origin ? mirrorToken : undefined;
}

/** Whether nobody between here and the server can read what is sent: https, or a server on this machine. */
export function isPrivate({ protocol, hostname }: URL): boolean {
  return protocol === "https:" || /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}
