import { containerEnd } from "./container-end.js";
import type { Container } from "./containers.js";
import type { DecodeTask } from "./decode-task.js";
import { isFrameKind } from "./frame-header.js";
import type { ReadAt } from "./read-at.js";
import { AHEAD, beginsRecording, nextBeginning } from "./recording-beginnings.js";
import { knownContainer, sniffContainer } from "./sniff.js";

/** Recordings that are decoded one by one: a process each. */
const MOST_RECORDINGS = 1000;
/** Bytes behind the end of a recording that are worth a word. */
const NOTED_REST = 4096;
const HEAD_BYTES = 16 * 1024;
/** Broadcast streams go on for gigabytes, and whatever comes in between is theirs. */
const ENDLESS = new Set(["mpegts", "mpeg"]);
/** Formats whose end tells what FFmpeg does not: that the file is cut off. */
const TOLD_BY_END = new Set(["ogg", "caf", "w64", "avi"]);

/** One of the complete recordings in a file. */
export interface JoinedRecording {
  container: Container;
  start: number;
  /** Behind its last byte. */
  end: number;
}

/**
 * The complete recordings in a file that were joined byte by byte, of one format or several: a recorder that appends,
 * `cat`, chained Ogg. The first begins with the file. Those of another format are looked for behind the end of the one
 * before, where that tells its end: inside they are attachments. What is left out, or cut off, becomes a warning.
 * @param container of the file's beginning
 */
export async function findJoinedRecordings(
  container: Container,
  readAt: ReadAt,
  size: number,
  task: DecodeTask,
): Promise<JoinedRecording[]> {
  // Frames are looked for by their own demuxer, all else has to begin with the first byte.
  const isBehind = (container.skip ?? 0) > 0 && !isFrameKind(container.demuxer);
  const first = isBehind ? { ...container, skip: 0 } : container;
  const recordings = [{ container: first, start: isBehind ? container.skip! : 0, end: size }];
  for (let current = recordings[0]!; ; ) {
    const next = await recordingAfter(current, readAt, size, task);
    if (!next) return recordings;
    current.end = next.start;
    if (recordings.length === MOST_RECORDINGS) {
      task.warn(
        `More than ${MOST_RECORDINGS} recordings were joined in the file: the ${size - next.start} bytes behind them were left out`,
      );
      return recordings;
    }
    recordings.push(next);
    current = next;
  }
}

async function recordingAfter(
  { container, start }: JoinedRecording,
  readAt: ReadAt,
  size: number,
  task: DecodeTask,
): Promise<JoinedRecording | undefined> {
  const { demuxer } = container;
  const own = await nextBeginning(readAt, start + 1, size, task, [demuxer]);
  const end = await containerEnd(demuxer, readAt, start, own ?? size);
  const from = Math.max(end ?? 0, start + Math.max(container.skip ?? 0, 1));
  const until = own ?? size;
  if (end !== undefined && end > until && TOLD_BY_END.has(demuxer)) {
    task.warn(
      `The recording is cut off: by its structure it has ${end - start} bytes, ${until - start} are there`,
    );
  }
  const foreign =
    from >= until || ENDLESS.has(demuxer)
      ? undefined
      : ((await unmarkedBeginning(end, until, readAt, task)) ??
        (await nextBeginning(readAt, from, until, task)));
  // FFmpeg reads on behind the announced end of AU.
  if (end !== undefined && foreign === undefined && demuxer !== "au")
    await noteRest(end, until, readAt, task);
  const next = foreign ?? own;
  if (next === undefined) return undefined;
  if (next === own) return { container: { ...container, skip: 0 }, start: own, end: size };
  const found = await sniffContainer((position, count) => readAt(next + position, count), task);
  return { container: found, start: next, end: size };
}

/** Place of frames without a mark of their own (MP3, ADTS, AC-3, transport streams) right behind a recording. */
async function unmarkedBeginning(
  end: number | undefined,
  until: number,
  readAt: ReadAt,
  task: DecodeTask,
): Promise<number | undefined> {
  if (end === undefined || until - end < AHEAD) return undefined;
  task.check();
  const head = (await readAt(end, HEAD_BYTES)).subarray(0, until - end);
  const first = Math.max(
    0,
    head.findIndex((byte) => byte !== 0),
  );
  const rest = head.subarray(first);
  return beginsRecording(rest) || knownContainer(rest) ? end + first : undefined;
}

/** Bytes behind a recording that nothing is known of; zeros and tags are nothing that anybody misses. */
async function noteRest(end: number, until: number, readAt: ReadAt, task: DecodeTask): Promise<void> {
  const bytes = until - end;
  if (bytes < NOTED_REST) return;
  const head = Buffer.from(await readAt(end, NOTED_REST));
  if (head.every((byte) => byte === 0) || head.toString("latin1", 0, 8) === "APETAGEX") return;
  task.warn(
    `${bytes} bytes behind the end of the recording, from byte ${end} on, are in no known format and were left out`,
  );
}
