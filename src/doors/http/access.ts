import type { IncomingHttpHeaders } from "node:http";

/** Of an answer to a page of another origin that is allowed. It brings its token: the cookie of our own page is sent by nobody else. */
export function crossOriginHeaders(origin: string): Record<string, string> {
  return {
    "access-control-allow-origin": origin,
    "access-control-expose-headers": "x-request-id, retry-after, location, etag",
    vary: "origin",
  };
}

/** Seconds that a browser remembers what it may send. */
const REMEMBERED = 600;

/** Of an answer to a browser that asks what such a page may send. */
export function preflightHeaders(origin: string, headers: IncomingHttpHeaders): Record<string, string> {
  const asked = headers["access-control-request-headers"];
  return {
    ...crossOriginHeaders(origin),
    "access-control-allow-methods": "GET, HEAD, POST, PUT, DELETE",
    // OpenAI's client has a dozen of its own.
    ...(asked !== undefined && { "access-control-allow-headers": asked }),
    "access-control-max-age": String(REMEMBERED),
  };
}
