import { setTimeout as sleep } from "node:timers/promises";
import lockfile from "proper-lockfile";
import { TranscriptionError, throwIfAborted } from "../errors.js";

/** A lock whose owner has not touched it for this long was left behind by a crash. */
const STALE_MS = 15_000;
const POLL_MS = 200;

/**
 * Runs `work` while this caller alone, of all processes, holds the lock of `path` (`path + ".lock"`).
 * The signal that `work` gets also fires when the lock is lost: a process that stood still for longer
 * than the lock lives no longer owns it.
 * @param wait whether to wait for another holder, or to throw at once
 * @throws TranscriptionError CANCELLED, or MODEL_NOT_FOUND when another holds it and `wait` is false
 */
export async function withLock<T>(
  path: string,
  options: { wait: boolean; signal?: AbortSignal | undefined },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const lost = new AbortController();
  const release = await acquire(path, options, lost);
  try {
    return await work(options.signal ? AbortSignal.any([options.signal, lost.signal]) : lost.signal);
  } finally {
    if (!lost.signal.aborted) await release();
  }
}

async function acquire(
  path: string,
  { wait, signal }: { wait: boolean; signal?: AbortSignal | undefined },
  lost: AbortController,
): Promise<() => Promise<void>> {
  for (;;) {
    throwIfAborted(signal);
    try {
      return await lockfile.lock(path, {
        realpath: false,
        stale: STALE_MS,
        onCompromised: () =>
          lost.abort(lockError(`The lock of ${path} was lost to another process; try again`)),
      });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ELOCKED") throw error;
      if (!wait) throw lockError(`${path} is being downloaded by another process`, error);
      await sleep(POLL_MS);
    }
  }
}

function lockError(message: string, cause?: unknown): TranscriptionError {
  return new TranscriptionError("MODEL_NOT_FOUND", message, { cause });
}
