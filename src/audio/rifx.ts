import type { ByteReader } from "./byte-reader.js";
import type { ByteSource } from "./byte-source.js";
import { PIECE_BYTES } from "./byte-source.js";
import { CHUNK_HEAD, fourCC, hasPad, isChunkName, isWav } from "./riff-chunks.js";
import { parseWavFormat } from "./wav-format.js";

/** Bytes of each field of a `fmt ` chunk, in order; the rest is bytes. */
const FIELDS = [2, 2, 4, 4, 2, 2, 2, 2, 4, 4, 2, 2];
/** A `fmt ` chunk is shorter. */
const LONGEST_FMT = 4096;
const UNKNOWN_SIZE = 0xffff_ffff;
const RIFX_HEAD = 12;

/** Whether a WAV file of big-endian machines begins here ("RIFX"), whose numbers all have the other order. */
export async function isBigEndianWav(reader: ByteReader): Promise<boolean> {
  const head = await reader.peek(RIFX_HEAD);
  return head.byteLength === RIFX_HEAD && fourCC(head, 0) === "RIFX" && fourCC(head, 8) === "WAVE";
}

/** The same file as one of ours: header and samples with their bytes turned round; also of files that were joined on. */
export function littleEndianWav(reader: ByteReader): ByteSource {
  const pieces = turnedPieces(reader);
  return {
    size: reader.remaining,
    next: async () => (await pieces.next()).value ?? undefined,
  };
}

async function* turnedPieces(reader: ByteReader): AsyncGenerator<Uint8Array> {
  /** Bytes of a number, in what `data` holds. */
  let width = 1;
  let isBehindData = false;
  for (;;) {
    if (await isBigEndianWav(reader)) {
      const riff = Buffer.from(await reader.read(RIFX_HEAD));
      yield Buffer.concat([Buffer.from("RIFF"), turned(riff.subarray(4, 8), 4), riff.subarray(8)]);
      isBehindData = false;
      continue;
    }
    const head = await reader.peek(CHUNK_HEAD);
    // Samples go on behind a size that is too small; another file that was joined on may be one of ours.
    if (head.byteLength < CHUNK_HEAD || (isBehindData && !isChunkName(fourCC(head, 0))))
      return yield* rest(reader, isBehindData ? width : 1);
    if (isWav(await reader.peek(RIFX_HEAD))) return yield* rest(reader, 1);
    const id = fourCC(head, 0);
    const size = Buffer.from(turned(head.subarray(4, 8), 4)).readUInt32LE();
    yield Buffer.concat([head.subarray(0, 4), turned(head.subarray(4, 8), 4)]);
    await reader.skip(CHUNK_HEAD);
    if (id === "data") {
      isBehindData = true;
      yield* rest(reader, width, size === UNKNOWN_SIZE ? Number.POSITIVE_INFINITY : size);
    } else if (id === "fmt ") {
      const chunk = turnedFields(await reader.read(Math.min(size, LONGEST_FMT)));
      width = widthOf(chunk);
      yield chunk;
      yield* rest(reader, 1, size - chunk.byteLength);
    } else yield* rest(reader, 1, size);
    if (size % 2 === 1 && size !== UNKNOWN_SIZE && (await hasPad(reader))) yield await reader.read(1);
  }
}

/** Up to `left` bytes, in numbers of `width` that are turned round. */
async function* rest(
  reader: ByteReader,
  width: number,
  left = Number.POSITIVE_INFINITY,
): AsyncGenerator<Uint8Array> {
  while (left > 0) {
    const bytes = await reader.read(Math.min(left, PIECE_BYTES - (PIECE_BYTES % width)));
    if (bytes.byteLength === 0) return;
    left -= bytes.byteLength;
    yield turned(bytes, width);
  }
}

/** Of samples that are numbers; what other codecs hold is bytes in either order. @param fmt turned round */
function widthOf(fmt: Uint8Array): number {
  try {
    const { codec, frameBytes, channels } = parseWavFormat(fmt, "");
    return codec ? frameBytes / channels : 1;
  } catch {
    // Refused by who reads the header.
    return 1;
  }
}

/** Numbers of `width` bytes with their bytes turned round; what is left over stays. */
function turned(bytes: Uint8Array, width: number): Uint8Array {
  if (width === 1) return bytes;
  const copy = Uint8Array.from(bytes);
  for (let i = 0; i + width <= copy.length; i += width) copy.subarray(i, i + width).reverse();
  return copy;
}

function turnedFields(chunk: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(chunk);
  let offset = 0;
  for (const length of FIELDS) {
    if (offset + length > copy.length) break;
    copy.subarray(offset, offset + length).reverse();
    offset += length;
  }
  return copy;
}
