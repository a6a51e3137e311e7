import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TranscriptionError } from "../errors.js";
import type { ByteReader } from "./byte-reader.js";
import { PIECE_BYTES } from "./byte-source.js";
import type { DecodeTask } from "./decode-task.js";
import type { ReadAt } from "./read-at.js";

const STEP = 16 * PIECE_BYTES;

/**
 * Stores what is left of `reader` in a private temporary file, for decoders that have to seek. The file's name is
 * gone before the first byte is written, so nothing is left behind however this process ends.
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

async function openAnonymousFile(): Promise<FileHandle> {
  const folder = await mkdtemp(join(tmpdir(), "agora-audio-"));
  try {
    return await open(join(folder, "audio"), "wx+", 0o600);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
