import { createHmac, timingSafeEqual } from "node:crypto";

/** Seconds for which a browser is known. */
export const SESSION_SECONDS = 30 * 24 * 3600;

/**
 * What a browser keeps in place of the token, since players of sound and sockets cannot send headers: when it ends, and a
 * signature that only who has the token can make. It is worth nothing once the token is another.
 * @param token that was shown
 * @param now milliseconds since 1970
 */
export function newSession(token: string, now = Date.now()): string {
  const end = Math.floor(now / 1000) + SESSION_SECONDS;
  return `${end}.${signature(token, String(end))}`;
}

/** Whether `session` was made of `token` and has not ended. Takes the same time whatever it is. */
export function isSessionOf(token: string, session: string, now = Date.now()): boolean {
  const [, end = "0", given = ""] = /^(\d{1,12})\.([\w-]{43})$/.exec(session) ?? [];
  const expected = Buffer.from(signature(token, end));
  const offered = Buffer.alloc(expected.length);
  offered.write(given);
  return timingSafeEqual(offered, expected) && Number(end) * 1000 > now;
}

function signature(token: string, end: string): string {
  return createHmac("sha256", token).update(`agora-transcribe page ${end}`).digest("base64url");
}
