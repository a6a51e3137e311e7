import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";

/** Hashing a piece of this size stays well under a millisecond of the JS thread. */
const READ_BYTES = 256 * 1024;

/** SHA-256 of the first `length` bytes of a file, or of all of it, ready to be continued. */
export async function hashFile(path: string, length?: number, signal?: AbortSignal): Promise<Hash> {
  const hash = createHash("sha256");
  if (length === 0) return hash;
  const range = length === undefined ? {} : { end: length - 1 };
  const stream = createReadStream(path, { ...range, highWaterMark: READ_BYTES, ...(signal && { signal }) });
  for await (const piece of stream) hash.update(piece);
  return hash;
}
