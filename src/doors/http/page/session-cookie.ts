/** What a browser brings in place of the token. */
export const SESSION_COOKIE = "agora_session";

/** @param cookies header of a request */
export function sessionIn(cookies: string | undefined): string | undefined {
  const pairs = (cookies ?? "").split(";").map((pair) => pair.trim().split("="));
  return pairs.find(([name]) => name === SESSION_COOKIE)?.[1];
}
