import { beginsWithFrames, findFrames, isFrameKind } from "./coded-frames.js";
import { containerEnd } from "./container-end.js";
import type { Container } from "./containers.js";
import type { DecodeTask } from "./decode-task.js";
import { knownContainer, type ReadAt, sniffContainer } from "./sniff.js";

/** How the beginning of a recording is recognised inside a file. */
interface Beginning {
  /** Searched for, in Latin-1. */
  mark: string;
  /** Bytes of the recording before the mark, none by default. */
  before?: number;
  /** Whether a recording does begin at `start`; `bytes` reach {@link AHEAD} bytes further, but for the file's end. */
  begins(bytes: Buffer, start: number): boolean;
}

const STEP = 1024 * 1024;
/** Bytes that are enough to tell. */
const AHEAD = 128;
/** Recordings that are decoded one by one: a process each. */
const MOST_RECORDINGS = 1000;
/** Bytes behind the end of a recording that are worth a word. */
const NOTED_REST = 4096;
const HEAD_BYTES = 16 * 1024;
/** Broadcast streams go on for gigabytes, and whatever comes in between is theirs. */
const ENDLESS = new Set(["mpegts", "mpeg"]);
/** Formats whose end tells what FFmpeg does not: that the file is cut off. */
const TOLD_BY_END = new Set(["ogg", "caf", "w64", "avi"]);

const latin1 = (bytes: Buffer, start: number, end: number) => bytes.toString("latin1", start, end);
const always = () => true;

/** Whether one of `texts` stands `offset` bytes behind the beginning. */
function has(offset: number, ...texts: string[]): Beginning["begins"] {
  return (bytes, start) =>
    texts.some((text) => latin1(bytes, start + offset, start + offset + text.length) === text);
}

/** Chunks that AIFF files begin with. */
const AIFF_CHUNKS = /^AIF[FC](COMM|FVER|NAME|COMT|CHAN|ANNO|SSND)/;
/** Boxes that follow `ftyp`; nothing does at the end of a file. */
const BOXES = /^(moov|mdat|free|skip|wide|moof|uuid|sidx|styp|meta|pdin|udta|prfl|emsg)?$/;

/** By FFmpeg's demuxers. MPEG frames, transport and program streams have none: they go on as if nothing had been. */
const BEGINNINGS: Readonly<Record<string, Beginning>> = {
  matroska: {
    mark: "\x1a\x45\xdf\xa3",
    begins(bytes, start) {
      const header = latin1(bytes, start, start + AHEAD);
      return header.includes("\x42\x82") && /webm|matroska/.test(header);
    },
  },
  mov: {
    mark: "ftyp",
    before: 4,
    begins(bytes, start) {
      const size = bytes.readUInt32BE(start);
      if (size < 16 || size > 1024 || size % 4 !== 0) return false;
      const brand = latin1(bytes, start + 8, start + 12);
      return BOXES.test(latin1(bytes, start + size + 4, start + size + 8)) && /^[\x20-\x7e]{4}$/.test(brand);
    },
  },
  asf: { mark: "\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c", begins: always },
  w64: { mark: "riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00", begins: always },
  wav: { mark: "RIFF", begins: has(8, "WAVE") },
  avi: { mark: "RIFF", begins: has(8, "AVI LIST") },
  qcp: { mark: "RIFF", begins: has(8, "QLCM") },
  aiff: { mark: "FORM", begins: (bytes, start) => AIFF_CHUNKS.test(latin1(bytes, start + 8, start + 16)) },
  caf: { mark: "caff\0\x01\0\0desc", begins: always },
  amr: { mark: "#!AMR", begins: has(5, "\n", "-WB\n") },
  au: {
    mark: ".snd",
    begins(bytes, start) {
      if (bytes.length < start + 24) return false;
      const [header, encoding, rate, channels] = [4, 12, 16, 20].map((at) => bytes.readUInt32BE(start + at));
      const sane = header! >= 24 && header! < 65_536 && encoding! >= 1 && encoding! <= 27;
      return sane && rate! >= 1000 && rate! <= 768_000 && channels! >= 1 && channels! <= 64;
    },
  },
  flac: { mark: "fLaC", begins: has(4, "\0\0\0\x22", "\x80\0\0\x22") },
  flv: { mark: "FLV\x01", begins: has(4, "\x01\0\0\0\x09", "\x04\0\0\0\x09", "\x05\0\0\0\x09") },
  tta: { mark: "TTA1", begins: has(4, "\x01\0", "\x02\0", "\x03\0") },
  dsf: { mark: "DSD \x1c\0\0\0\0\0\0\0", begins: always },
  voc: { mark: "Creative Voice File\x1a", begins: always },
  wv: {
    mark: "wvpk",
    begins(bytes, start) {
      if (bytes.length < start + 32) return false;
      const [version, index, samples] = [bytes.readUInt16LE(start + 8), bytes.readUInt32LE(start + 16), 20];
      const isFirst = index === 0 && bytes[start + 10] === 0 && bytes.readUInt32LE(start + samples) > 0;
      return version >= 0x402 && version <= 0x410 && isFirst && (bytes[start + 25]! & 8) !== 0;
    },
  },
  // Pages of a chained stream: its first ones follow on others, which are not the first of their streams.
  ogg: { mark: "OggS\0", begins: always },
};

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
      task.warnings.push(
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
  const own = await nextBeginning([demuxer], readAt, start + 1, size, task);
  const end = await containerEnd(demuxer, readAt, start, own ?? size);
  const from = Math.max(end ?? 0, start + Math.max(container.skip ?? 0, 1));
  const until = own ?? size;
  if (end !== undefined && end > until && TOLD_BY_END.has(demuxer)) {
    task.warnings.push(
      `The recording is cut off: by its structure it has ${end - start} bytes, ${until - start} are there`,
    );
  }
  const foreign =
    from >= until || ENDLESS.has(demuxer)
      ? undefined
      : ((await unmarkedBeginning(end, until, readAt, task)) ??
        (await nextBeginning(FOREIGN, readAt, from, until, task)));
  // FFmpeg reads on behind the announced end of AU.
  if (end !== undefined && foreign === undefined && demuxer !== "au")
    await noteRest(end, until, readAt, task);
  const next = foreign ?? own;
  if (next === undefined) return undefined;
  if (next === own) return { container: { ...container, skip: 0 }, start: own, end: size };
  const found = await sniffContainer((position, count) => readAt(next + position, count), task);
  return { container: found, start: next, end: size };
}

const FOREIGN = Object.keys(BEGINNINGS);

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

/** Whether bytes are, beyond doubt, the beginning of a recording of any kind. */
export function beginsRecording(head: Uint8Array): boolean {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
  const marked = Object.entries(BEGINNINGS).some(([demuxer, { mark, before = 0, begins }]) => {
    const isMark = latin1(bytes, before, before + mark.length) === mark;
    return isMark && begins(bytes, 0) && (demuxer !== "ogg" || isFirstPage(bytes, 0));
  });
  if (marked) return true;
  const isTag = latin1(bytes, 0, 3) === "ID3" && bytes[3]! < 5 && bytes.length > 10;
  return isTag || (beginsWithFrames(bytes) && findFrames(bytes, false)?.offset === 0);
}

/** Place of the first beginning of a recording of any format with a mark of its own. */
export function firstBeginning(
  readAt: ReadAt,
  from: number,
  until: number,
  task: DecodeTask,
): Promise<number | undefined> {
  return nextBeginning(FOREIGN, readAt, from, until, task);
}

/** Place of the first beginning of one of the formats from `from` on. */
async function nextBeginning(
  demuxers: readonly string[],
  readAt: ReadAt,
  from: number,
  until: number,
  task: DecodeTask,
): Promise<number | undefined> {
  const known = demuxers.filter((demuxer) => BEGINNINGS[demuxer]);
  if (known.length === 0) return undefined;
  for (let position = from; position < until; position += STEP) {
    task.check();
    const bytes = Buffer.from(await readAt(position, STEP + AHEAD * 10));
    let first: number | undefined;
    for (const demuxer of known) {
      const { mark, before = 0, begins } = BEGINNINGS[demuxer]!;
      let at = bytes.indexOf(mark, before, "latin1");
      for (; at >= 0; at = bytes.indexOf(mark, at + 1, "latin1")) {
        const start = at - before;
        if (start >= Math.min(STEP, first ?? STEP) || position + start >= until) break;
        if (!begins(bytes, start)) continue;
        if (demuxer === "ogg" && !(await isFirstOfOgg(readAt, position + start, bytes, start))) continue;
        const alone = known.length > 1 && demuxer === "flac";
        if (alone && !(await leadsToFlacFrames(readAt, position + start))) continue;
        first = start;
        break;
      }
    }
    if (first !== undefined) return position + first;
  }
  return undefined;
}

function isFirstPage(bytes: Buffer, start: number): boolean {
  return ((bytes[start + 5] ?? 0) & 2) !== 0;
}

/** First pages of several streams follow each other: one that follows such a page begins nothing new. */
async function isFirstOfOgg(readAt: ReadAt, place: number, bytes: Buffer, start: number): Promise<boolean> {
  if (!isFirstPage(bytes, start)) return false;
  const from = Math.max(0, place - 1024);
  const before = Buffer.from(await readAt(from, place - from));
  const page = before.lastIndexOf("OggS\0", before.length, "latin1");
  return page < 0 || !isFirstPage(before, page);
}

/** FLAC inside other containers has its head, but no frames right behind it. */
async function leadsToFlacFrames(readAt: ReadAt, start: number): Promise<boolean> {
  for (let position = start + 4, blocks = 0; blocks < 64; blocks++) {
    const head = await readAt(position, 4);
    if (head.length < 4 || (head[0]! & 0x7f) > 6) return false;
    position += 4 + ((head[1]! << 16) | (head[2]! << 8) | head[3]!);
    if ((head[0]! & 0x80) === 0) continue;
    const sync = await readAt(position, 2);
    return sync[0] === 0xff && (sync[1]! & 0xfe) === 0xf8;
  }
  return false;
}

/** Bytes behind a recording that nothing is known of; zeros and tags are nothing that anybody misses. */
async function noteRest(end: number, until: number, readAt: ReadAt, task: DecodeTask): Promise<void> {
  const bytes = until - end;
  if (bytes < NOTED_REST) return;
  const head = Buffer.from(await readAt(end, NOTED_REST));
  if (head.every((byte) => byte === 0) || latin1(head, 0, 8) === "APETAGEX") return;
  task.warnings.push(
    `${bytes} bytes behind the end of the recording, from byte ${end} on, are in no known format and were left out`,
  );
}
