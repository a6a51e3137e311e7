import { TranscriptionError } from "../../index.js";
import { cut } from "../text.js";
import type { RecordingPage, RecordingQuery, StoredRecording } from "./store.js";

/** A recording that may be there, before anything of it has been read. */
export interface Dated {
  id: string;
  /** Milliseconds since 1970. */
  at: number;
}

/**
 * The part of a list that is asked for, of which alone more is read than ids and dates.
 * @param read undefined: it is gone, or is no recording
 * @throws TranscriptionError INVALID_ARGUMENT where the one to go on after is not there any more; what `read` throws
 */
export async function pageOf(
  all: readonly Dated[],
  { after, limit }: RecordingQuery,
  read: (id: string) => Promise<StoredRecording | undefined>,
): Promise<RecordingPage> {
  const sorted = [...all].sort((a, b) => b.at - a.at || (a.id < b.id ? -1 : 1));
  let next = after === undefined ? 0 : 1 + sorted.findIndex(({ id }) => id === after);
  if (after !== undefined && next === 0) {
    const message = `Expected the id of a recording that is still kept for after but received ${JSON.stringify(cut(after))}`;
    throw new TranscriptionError("INVALID_ARGUMENT", message, { option: "after" });
  }
  const recordings: StoredRecording[] = [];
  while (next < sorted.length && recordings.length < limit) {
    const some = sorted.slice(next, next + limit - recordings.length);
    next += some.length;
    const found = await Promise.all(some.map(({ id }) => read(id)));
    recordings.push(...found.filter((recording) => recording !== undefined));
  }
  return { recordings, hasMore: next < sorted.length };
}
