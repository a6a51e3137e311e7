import { stat } from "node:fs/promises";
import type { Input } from "./inputs.js";

/** Bytes of a window of 30 s at 128 kbit/s. Less in a tighter codec, which makes its files count for fewer windows. */
const WINDOW_BYTES = 480_000;

/** How many files are transcribed at once. */
export interface Room {
  /** Files. */
  files: number;
  /** Windows that they have together by their sizes; a file that has more of its own gets all the room. */
  windows: number;
}

/**
 * The room that was asked for or, where none was, what fills the batches of an engine: short files together, long ones,
 * which do that alone, one after another.
 * @param capacity windows that the engine decodes at once; undefined where it does not tell
 */
export function roomFor(jobs: number | undefined, capacity = 1): Room {
  if (jobs !== undefined) return { files: jobs, windows: Number.POSITIVE_INFINITY };
  return { files: capacity, windows: capacity };
}

/** Windows that a file has at a guess; what has no size, such as a pipe, may have any number. */
export async function windowsOf({ path }: Input): Promise<number> {
  const status = path === undefined ? undefined : await stat(path).catch(() => undefined);
  if (!status?.isFile()) return Number.POSITIVE_INFINITY;
  return Math.ceil((status.size + 1) / WINDOW_BYTES);
}

/** One of several jobs. */
export interface Turn {
  /** Settles when all jobs before it are done: what is written after that stands in the order of the jobs. */
  comes: Promise<void>;
  /** Fires when the others are to end because one has thrown. */
  signal: AbortSignal;
}

/**
 * Does `work` for all items in order, several at once while there is room. What one throws ends them all.
 * @param windowsOf of an item, at least 1
 * @throws what the first that failed has thrown, when none is running any more
 */
export async function inOrder<Item>(
  items: readonly Item[],
  room: Room,
  windowsOf: (item: Item) => Promise<number>,
  work: (item: Item, turn: Turn) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const running = new Map<Promise<void>, number>();
  let failure: { reason: unknown } | undefined;
  let comes = Promise.resolve();
  const taken = (): number => [...running.values()].reduce((sum, windows) => sum + windows, 0);
  for (const item of items) {
    const windows = await windowsOf(item);
    while (running.size > 0 && (running.size >= room.files || taken() + windows > room.windows)) {
      await Promise.race(running.keys());
    }
    if (failure) break;
    const before = comes;
    const job = work(item, { comes: before, signal: stop.signal })
      .catch((reason: unknown) => {
        failure ??= { reason };
        stop.abort(reason);
      })
      .finally(() => running.delete(job));
    running.set(job, windows);
    comes = before.then(() => job);
  }
  await Promise.all(running.keys());
  if (failure) throw failure.reason;
}
