import { dirname } from "node:path";
import { TranscriptionError } from "../errors.js";
import { NOWHERE } from "./cache.js";

/** A failed write into the cache folder as a coded error that says what to do; anything else unchanged. */
export function storageError(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || !("syscall" in error)) return error;
  const { code } = error as NodeJS.ErrnoException;
  const folder = dirname(path);
  if (path.startsWith(NOWHERE)) {
    return notStored(
      "There is no folder to keep models in: this user has no home folder. Set AGORA_CACHE_DIR to one, or HOME",
      error,
    );
  }
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
      return notStored(
        `The disk is full: cannot write ${path}. Free some space; the download goes on where it stopped`,
        error,
      );
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return notStored(
        `Cannot write to the model folder ${folder} (${code}). Set AGORA_CACHE_DIR to a writable folder`,
        error,
      );
    case "ENOTDIR":
    case "EEXIST":
    case "EISDIR":
    case "ENOTEMPTY":
      return notStored(`Cannot write ${path}: a file or folder of that name is in the way (${code})`, error);
    default:
      return notStored(`Cannot write ${path}: ${error.message}`, error);
  }
}

/** A model that cannot be had because it cannot be stored. */
export function notStored(message: string, cause?: unknown): TranscriptionError {
  return new TranscriptionError("MODEL_NOT_FOUND", message, { cause });
}
