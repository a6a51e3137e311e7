import { TranscriptionError } from "../../index.js";
import { cut } from "../text.js";
import { idOfFile } from "./media-types.js";
import { isRecordingId, type RecordingPage, type RecordingQuery, type StoredRecording } from "./store.js";

/** A recording that may be there, before anything of it has been read. */
export interface Dated {
  id: string;
  /** Milliseconds since 1970. */
  at: number;
}

/** The id of the recording that a file or folder of this name would be of. */
export function idOfName(name: string): string | undefined {
  const id = isRecordingId(name) ? name : idOfFile(name);
  return id !== undefined && isRecordingId(id) ? id : undefined;
}

/**
 * The part of a list that is asked for, of which alone more is read than ids and dates.
 * @param all what has several forms is there several times
 * @param read undefined: it is gone, or is no recording
 * @throws TranscriptionError INVALID_ARGUMENT where the one to go on after is not there any more; what `read` throws
 */
export async function pageOf(
  all: readonly Dated[],
  { after, limit }: RecordingQuery,
  read: (id: string) => Promise<StoredRecording | undefined>,
): Promise<RecordingPage> {
  const dates = new Map<string, number>();
  for (const { at, id } of all) dates.set(id, Math.max(at, dates.get(id) ?? 0));
  const dated = Array.from(dates, ([id, at]) => ({ id, at }));
  const sorted = dated.sort((a, b) => b.at - a.at || (a.id < b.id ? -1 : 1));
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
