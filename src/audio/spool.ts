import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TranscriptionError } from "../errors.js";
import type { ByteReader } from "./byte-reader.js";
import { PIECE_BYTES } from "./byte-source.js";

/**
 * Stores what is left of `reader` in a private temporary file, for decoders that have to seek. The file's name is
 * gone before the first byte is written, so nothing is left behind however this process ends.
 */
export async function spool(reader: ByteReader): Promise<FileHandle> {
  const { task } = reader;
  try {
    const file = await task.wait(openAnonymousFile());
    task.onEnd(() => file.close());
    for (;;) {
      const bytes = await reader.readSome(16 * PIECE_BYTES);
      if (bytes.byteLength === 0) return file;
      await task.wait(file.writeFile(bytes));
    }
  } catch (cause) {
    if (cause instanceof TranscriptionError) throw cause;
    throw new TranscriptionError(
      "INTERNAL",
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
