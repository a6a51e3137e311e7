import type { FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { openAnonymousFile } from "../config/anonymous-file.js";
import { TranscriptionError } from "../errors.js";
import type { ByteReader } from "./byte-reader.js";
import { PIECE_BYTES } from "./byte-source.js";
import type { DecodeTask } from "./decode-task.js";
import type { ReadAt } from "./read-at.js";

const STEP = 16 * PIECE_BYTES;

/**
 * Stores what is left of `reader` in a private temporary file, for decoders that have to seek. It has no name,
 * so nothing is left behind however this process ends.
 */
export function spool(reader: ByteReader): Promise<FileHandle> {
  return store(reader.task, () => reader.readSome(STEP));
}

/** The same for a stretch of a file, from `start` up to `end`. */
export function spoolRange(
  readAt: ReadAt,
  start: number,
  end: number,
  task: DecodeTask,
): Promise<FileHandle> {
  let position = start;
  return store(task, async () => {
    const bytes = await readAt(position, Math.min(STEP, end - position));
    position += bytes.byteLength;
    return bytes;
  });
}

/** The same for bytes that are made; they end with an empty array. */
export async function store(task: DecodeTask, next: () => Promise<Uint8Array>): Promise<FileHandle> {
  try {
    const file = await task.wait(task.owning(openAnonymousFile()));
    for (;;) {
      const bytes = await next();
      if (bytes.byteLength === 0) return file;
      await task.wait(file.writeFile(bytes));
    }
  } catch (cause) {
    if (cause instanceof TranscriptionError) throw cause;
    throw new TranscriptionError(
      "STORAGE_FAILED",
      `Cannot store ${task.name} in the temporary folder ${tmpdir()} (TMPDIR): ${(cause as Error).message}`,
      { cause },
    );
  }
}
