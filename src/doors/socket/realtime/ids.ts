import { randomBytes } from "node:crypto";

/** An id as OpenAI's are: what it is of, and 21 random characters. */
export function newId(kind: "event" | "item" | "sess"): string {
  return `${kind}_${randomBytes(16).toString("base64url").replace(/[-_]/g, "0").slice(0, 21)}`;
}
