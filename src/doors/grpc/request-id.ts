import { randomBytes } from "node:crypto";
import type { Metadata } from "@grpc/grpc-js";

/** Metadata in which a request's id comes and goes. */
export const REQUEST_ID = "x-request-id";

/** Ids of tracing systems and UUIDs; nothing that could forge a log line or a header. */
const ACCEPTED = /^[\w.:+/=-]{1,128}$/;

/** The caller's own id, or a new one where there is none that can be used. */
export function requestIdOf(metadata: Metadata): string {
  const given = String(metadata.get(REQUEST_ID)[0] ?? "");
  return ACCEPTED.test(given) ? given : randomBytes(8).toString("hex");
}
