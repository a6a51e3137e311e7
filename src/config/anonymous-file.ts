import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** `O_TMPFILE` of Linux, for which Node.js has no name; undefined on other systems (open(2)). */
const UNNAMED =
  process.platform === "linux"
    ? constants.O_RDWR | constants.O_EXCL | constants.O_DIRECTORY | 0o20000000
    : undefined;
/** Of kernels and file systems that have no such files. */
const NOT_THERE = ["EISDIR", "ENOENT", "ENOTSUP", "EOPNOTSUPP"];
const OURS_ALONE = 0o600;

/**
 * A new file in the temporary folder, for writing and reading, which has no name: nothing is left behind however this process
 * ends, and nobody else opens it.
 * @throws the system's error
 */
export async function openAnonymousFile(): Promise<FileHandle> {
  if (UNNAMED !== undefined) {
    try {
      return await open(tmpdir(), UNNAMED, OURS_ALONE);
    } catch (error) {
      if (!NOT_THERE.includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    }
  }
  const path = join(tmpdir(), `agora-${randomUUID()}`);
  const file = await open(path, "wx+", OURS_ALONE);
  try {
    await unlink(path);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}
