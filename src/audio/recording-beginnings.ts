import { beginsWithFrames, findFrames } from "./coded-frames.js";
import type { DecodeTask } from "./decode-task.js";
import type { ReadAt } from "./read-at.js";

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
export const AHEAD = 128;

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
  // RIFF, or RIFX of big-endian machines.
  wav: { mark: "RIF", begins: (bytes, start) => /^RIF[FX]....WAVE$/s.test(latin1(bytes, start, start + 12)) },
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

/** Formats whose beginning has a mark. */
const MARKED = Object.keys(BEGINNINGS);

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

/**
 * Place of the next beginning of a recording.
 * @param demuxers formats to look for; those without a mark of their own are never found
 */
export async function nextBeginning(
  readAt: ReadAt,
  from: number,
  until: number,
  task: DecodeTask,
  demuxers: readonly string[] = MARKED,
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
