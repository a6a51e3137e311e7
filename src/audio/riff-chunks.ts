import type { ByteReader } from "./byte-reader.js";

/** Bytes of a chunk's name and size. */
export const CHUNK_HEAD = 8;
/** Bytes of a file's mark, size and form. */
export const RIFF_HEAD = 12;

/** A longer chunk behind the samples is not held in memory to see whether another follows it. */
const LONGEST_HELD = 16 * 1024 * 1024;

/** Chunks that are written beside the samples. Sources: EBU Tech 3285, iXML, Microsoft's RIFF, ExifTool's RIFF tags. */
const NAMES = [
  ...["LIST", "list", "bext", "iXML", "id3 ", "ID3 ", "cue ", "fact", "smpl", "inst", "plst", "labl", "note"],
  ...["JUNK", "junk", "FLLR", "PAD ", "PEAK", "levl", "LEVL", "link", "axml", "chna", "_PMX", "XMP ", "aXML"],
  ...["umid", "minf", "elm1", "regn", "DGDA", "cart", "acid", "strc", "afsp", "SAUR", "LGWV", "bxml", "sxml"],
  ...["R64m", "MD5 ", "CDif", "UMID", "qlty", "mext", "dbmd", "tlst", "wavl", "slnt", "CSET", "DISP", "ResU"],
];
const KNOWN = new Set(NAMES);

/** Those that are looked for behind samples of unknown length, and the beginning of another file. */
const BEHIND = [
  ...["LIST", "bext", "iXML", "id3 ", "ID3 ", "cue ", "fact", "smpl", "inst", "JUNK", "PAD ", "PEAK", "axml"],
  ...["_PMX", "afsp", "cart", "acid", "levl", "chna", "RIFF", "RIFX", "RF64", "BW64"],
];
/** Names and their beginnings as numbers, the first byte lowest. */
const BEHIND_NUMBERS = new Set(BEHIND.map(nameNumber));
const BEGINNINGS = new Set(
  BEHIND.flatMap((name) => [1, 2, 3].map((length) => nameNumber(name.slice(0, length)))),
);
/** First bytes of names. */
const FIRSTS = Uint8Array.from({ length: 256 }, (_, byte) =>
  BEHIND.some((name) => name.charCodeAt(0) === byte) ? 1 : 0,
);

function nameNumber(name: string): number {
  return [...name].reduce((sum, letter, i) => sum + letter.charCodeAt(0) * 256 ** i, 0);
}

export function fourCC(bytes: Uint8Array, offset: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1", offset, offset + 4);
}

export function uint32(bytes: Uint8Array, offset: number, isBigEndian = false): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(offset, !isBigEndian);
}

/** Whether a chunk of that name is written beside the samples. */
export function isKnownChunk(id: string): boolean {
  return KNOWN.has(id);
}

export function isChunkName(id: string): boolean {
  return /^[A-Za-z0-9_ ]{4}$/.test(id) && id.trim() !== "";
}

/** Whether `head` begins like a RIFF, RIFX, RF64 or BW64 file of whatever form. */
export function isRiff(head: Uint8Array): boolean {
  return head.byteLength >= 4 && ["RIFF", "RIFX", "RF64", "BW64"].includes(fourCC(head, 0));
}

/** Whether it is one of big-endian machines, whose numbers all have the other order: sizes, format and samples. */
export function isBigEndianRiff(head: Uint8Array): boolean {
  return fourCC(head, 0) === "RIFX";
}

/** Whether a complete WAV file begins here. */
export function isWav(head: Uint8Array): boolean {
  return head.byteLength >= RIFF_HEAD && isRiff(head) && fourCC(head, 8) === "WAVE";
}

/**
 * Skips what is left of a chunk of `size` bytes, and the byte that makes odd sizes even – unless its writer left that
 * out, which shows in what follows.
 */
export async function skipChunk(reader: ByteReader, size: number, left: number): Promise<void> {
  await reader.skip(left);
  if (size % 2 === 0) return;
  if ((await reader.peek(4)).byteLength < 4) return reader.skip(4);
  if (hasPad(await reader.peek(1 + 4))) await reader.skip(1);
}

/** Whether the byte that makes an odd size even is there. @param next five bytes behind such a chunk, or what there is */
export function hasPad(next: Uint8Array): boolean {
  if (next.byteLength < 4 || next[0] === 0) return next.byteLength > 0;
  const padded = fourCC(next, 1);
  const unpadded = fourCC(next, 0);
  const expected = (id: string) => isKnownChunk(id) || id === "data" || id === "fmt ";
  return expected(padded) || (!expected(unpadded) && (isChunkName(padded) || !isChunkName(unpadded)));
}

/**
 * Whether chunks begin at the reader's place and go on to the end of the file: what is no chunk behind the samples is
 * samples. Nothing is consumed.
 */
export async function chunksFollow(reader: ByteReader, isBigEndian: boolean): Promise<boolean> {
  const head = await reader.peek(CHUNK_HEAD);
  if (head.byteLength < CHUNK_HEAD) return false;
  const id = fourCC(head, 0);
  const known = isKnownChunk(id);
  if (!known && !isChunkName(id)) return false;
  const end = CHUNK_HEAD + uint32(head, 4, isBigEndian);
  if (reader.remaining !== undefined && end > reader.remaining) return false;
  if (end > LONGEST_HELD) return known;
  const bytes = await reader.peek(end + 1 + CHUNK_HEAD);
  if (bytes.byteLength < end) return false;
  if (bytes.byteLength <= end + 1) return true;
  // One more name after it is enough for a chunk that is known.
  return [end, end + 1].some((next) => {
    if (bytes.byteLength < next + 4) return bytes.byteLength === next;
    const name = fourCC(bytes, next);
    return (
      isKnownChunk(name) || name === "data" || isRiff(bytes.subarray(next)) || (known && isChunkName(name))
    );
  });
}

/**
 * Place of the first known name – of another file's only where that is a WAV file –, or of what may become one when more
 * bytes arrive; the length when there is none. In one pass: samples may be made of nothing but names.
 */
export function findKnownChunk(bytes: Uint8Array): number {
  const { length } = bytes;
  for (let i = 0; i < length; i++) {
    if (FIRSTS[bytes[i]!] === 0) continue;
    let number = 0;
    for (let k = Math.min(length - i, 4); k-- > 0; ) number = number * 256 + bytes[i + k]!;
    if (!(length - i >= 4 ? BEHIND_NUMBERS : BEGINNINGS).has(number)) continue;
    const head = bytes.subarray(i, i + RIFF_HEAD);
    if (head.byteLength < RIFF_HEAD || !isRiff(head) || isWav(head)) return i;
  }
  return length;
}
