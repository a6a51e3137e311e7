import { createHash, timingSafeEqual } from "node:crypto";
import type { Metadata } from "@grpc/grpc-js";

/** Tells whether a call brings `authorization: Bearer <token>`. */
export function bearerOf(token: string): (metadata: Metadata) => boolean {
  const expected = digest(token);
  return (metadata) => {
    const [, given] = /^Bearer (\S+)$/i.exec(String(metadata.get("authorization")[0] ?? "")) ?? [];
    return given !== undefined && timingSafeEqual(digest(given), expected);
  };
}

/** Of one length whatever was given, so that comparing takes the same time. */
function digest(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
