import type { ReadAt } from "./read-at.js";

/** Boxes that stand at the top of an MP4 or QuickTime file. */
const TOP_BOXES =
  /^(ftyp|moov|mdat|free|skip|wide|moof|mfra|uuid|sidx|ssix|styp|meta|pdin|udta|prfl|emsg|prft|pnot|PICT|imda|meco)$/;

const PAGES_AT_ONCE = 1024 * 1024;
/** The largest Ogg page: header, 255 segments of 255 bytes. */
const LARGEST_PAGE = 27 + 255 + 255 * 255;

type End = (readAt: ReadAt, start: number, size: number) => Promise<number | undefined>;

/** By FFmpeg's demuxers. */
const ENDS: Readonly<Record<string, End>> = {
  mov: boxesEnd,
  matroska: segmentEnd,
  ogg: pagesEnd,
  caf: chunksEnd,
  avi: riffEnd,
  wav: riffEnd,
  aiff: aiffEnd,
  w64: async (readAt, start) => {
    const head = await bytesAt(readAt, start, 24);
    const size = head?.readBigUInt64LE(16) ?? 0n;
    return size > 40n && size < 1n << 50n ? start + Number(size) : undefined;
  },
  au: async (readAt, start) => {
    const head = await bytesAt(readAt, start, 12);
    const size = head?.readUInt32BE(8) ?? 0xffff_ffff;
    return size === 0 || size === 0xffff_ffff ? undefined : start + head!.readUInt32BE(4) + size;
  },
};

/**
 * Where the recording that begins at `start` ends by what its own structure says: the place of the first byte behind
 * it, which is beyond `size`, the file's, where it is cut off. Undefined where its format does not tell.
 * @param demuxer FFmpeg's
 */
export async function containerEnd(
  demuxer: string,
  readAt: ReadAt,
  start: number,
  size: number,
): Promise<number | undefined> {
  return ENDS[demuxer]?.(readAt, start, size);
}

async function boxesEnd(readAt: ReadAt, start: number, size: number): Promise<number | undefined> {
  let position = start;
  while (position < size) {
    const head = await bytesAt(readAt, position, 8);
    const type = head?.toString("latin1", 4, 8) ?? "";
    if (!head || !TOP_BOXES.test(type) || (type === "ftyp" && position > start)) return position;
    let length = head.readUInt32BE(0);
    if (length === 0) return undefined;
    if (length === 1) {
      const large = (await bytesAt(readAt, position + 8, 8))?.readBigUInt64BE(0) ?? 0n;
      length = large < 1n << 50n ? Number(large) : 0;
    }
    if (length < 8) return position;
    position += length;
  }
  return position;
}

/** EBML header, then one segment, whose length live recorders leave open. */
async function segmentEnd(readAt: ReadAt, start: number): Promise<number | undefined> {
  const head = await bytesAt(readAt, start, 12);
  const header = head && ebmlSize(head, 4);
  if (!header) return undefined;
  const position = start + 4 + header.length + header.value;
  const segment = await bytesAt(readAt, position, 12);
  if (segment?.readUInt32BE(0) !== 0x18538067) return undefined;
  const content = ebmlSize(segment, 4);
  return content && position + 4 + content.length + content.value;
}

/** RFC 8794, 4: a number whose first bit tells its length; all ones stand for unknown. */
function ebmlSize(bytes: Buffer, offset: number): { length: number; value: number } | undefined {
  const length = Math.clz32(bytes[offset]!) - 23;
  if (length > 8 || offset + length > bytes.length) return undefined;
  let value = bytes[offset]! & (0xff >>> length);
  for (let i = 1; i < length; i++) value = value * 256 + bytes[offset + i]!;
  return value >= 2 ** 50 || value === 2 ** (7 * length) - 1 ? undefined : { length, value };
}

/** Behind the last page: what is between pages is damage. */
async function pagesEnd(readAt: ReadAt, start: number, size: number): Promise<number | undefined> {
  let end: number | undefined;
  let position = start;
  while (position < size) {
    const most = Math.min(PAGES_AT_ONCE + LARGEST_PAGE, size - position);
    const bytes = Buffer.from(await readAt(position, most));
    const last = position + bytes.length >= size;
    let at = 0;
    while (at < bytes.length && (last || at < PAGES_AT_ONCE)) {
      const page = bytes.indexOf("OggS\0", at, "latin1");
      if (page < 0 || page + 27 > bytes.length) {
        at = bytes.length;
        break;
      }
      const segments = bytes.subarray(page + 27, page + 27 + bytes[page + 26]!);
      at = page + 27 + bytes[page + 26]! + segments.reduce((sum, length) => sum + length, 0);
      end = position + at;
    }
    position += at;
  }
  return end;
}

/** Apple's Core Audio Format: 8 bytes, then chunks with 64-bit sizes. */
async function chunksEnd(readAt: ReadAt, start: number, size: number): Promise<number | undefined> {
  let position = start + 8;
  while (position < size) {
    const head = await bytesAt(readAt, position, 12);
    if (!head || !/^[a-zA-Z]{4}$/.test(head.toString("latin1", 0, 4))) return position;
    const length = head.readBigInt64BE(4);
    if (length < 0n || length > 1n << 50n) return undefined;
    position += 12 + Number(length);
  }
  return position;
}

/** The last byte of its chunks, which `FORM` may announce wrong. */
async function aiffEnd(readAt: ReadAt, start: number, size: number): Promise<number | undefined> {
  const form = await bytesAt(readAt, start, 8);
  const announced = form && start + 8 + even(form.readUInt32BE(4));
  for (let position = start + 12, chunks = 0; chunks < 10_000; chunks++) {
    const head = await bytesAt(readAt, position, 8);
    if (!head || !/^[ -~]{4}$/.test(head.toString("latin1", 0, 4))) return position;
    position += 8 + even(head.readUInt32BE(4));
    if (position >= Math.min(size, announced ?? size)) return announced;
  }
  return announced;
}

/** Files of more than a gigabyte go on in further RIFF chunks (OpenDML). */
async function riffEnd(readAt: ReadAt, start: number): Promise<number | undefined> {
  for (let position = start; ; ) {
    const head = await bytesAt(readAt, position, 12);
    const mark = head?.toString("latin1", 0, 4);
    if (!head || (mark !== "RIFF" && mark !== "RIFX")) return position > start ? position : undefined;
    if (position > start && head.toString("latin1", 8, 12) !== "AVIX") return position;
    const length = mark === "RIFX" ? head.readUInt32BE(4) : head.readUInt32LE(4);
    if (length < 36 || length >= 0xffff_fff0) return undefined;
    position += 8 + even(length);
  }
}

async function bytesAt(readAt: ReadAt, position: number, count: number): Promise<Buffer | undefined> {
  const bytes = Buffer.from(await readAt(position, count));
  return bytes.length === count ? bytes : undefined;
}

const even = (size: number) => size + (size % 2);
