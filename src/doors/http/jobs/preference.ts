import type { IncomingHttpHeaders } from "node:http";

/** Of an answer to a client whose preference was followed. */
export const APPLIED = { "preference-applied": "respond-async" };

/** Whether the client would rather have a job than wait (RFC 7240). */
export function prefersJob({ prefer }: IncomingHttpHeaders): boolean {
  return [prefer ?? []].flat().some((each) => /(^|,)\s*respond-async\s*(,|;|$)/i.test(each));
}
