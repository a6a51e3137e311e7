import { randomBytes } from "node:crypto";

/** Header or metadata in which a request's id comes and goes. */
export const REQUEST_ID = "x-request-id";

/** Ids of tracing systems and UUIDs; nothing that could forge a log line or a header. */
const ACCEPTED = /^[\w.:+/=-]{1,128}$/;

/** The caller's own id, or a new one where there is none that can be used. */
export function requestIdFrom(given: string): string {
  return ACCEPTED.test(given) ? given : randomBytes(8).toString("hex");
}
