import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";

/** Hashing a piece of this size stays well under a millisecond of the JS thread. */
const PIECE = 256 * 1024;

/**
 * All bytes of a file, from its beginning, in pieces of 256 KiB. Each is valid until the next is asked for.
 * @throws the reason of `signal`
 */
export async function* piecesOf(file: FileHandle, signal?: AbortSignal): AsyncGenerator<Buffer, void> {
  const piece = Buffer.allocUnsafe(PIECE);
  for (let position = 0; ; ) {
    signal?.throwIfAborted();
    const { bytesRead } = await file.read(piece, 0, PIECE, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield piece.subarray(0, bytesRead);
  }
}

/** SHA-256 of a file, in hexadecimal. @throws the reason of `signal` */
export async function hashOf(file: FileHandle, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of piecesOf(file, signal)) hash.update(piece);
  return hash.digest("hex");
}
