import type { ByteReader } from "./byte-reader.js";
import type { ByteSource } from "./byte-source.js";
import { PIECE_BYTES } from "./byte-source.js";
import { fourCC } from "./riff-chunks.js";

/** Bytes of each field of a `fmt ` chunk, in order; the rest is bytes. */
const FIELDS = [2, 2, 4, 4, 2, 2, 2, 2, 4, 4, 2, 2];
const BITS_OFFSET = 14;
const UNKNOWN_SIZE = 0xffff_ffff;

/** Whether a WAV file of big-endian machines begins here ("RIFX"), whose numbers all have the other order. */
export async function isBigEndianWav(reader: ByteReader): Promise<boolean> {
  const head = await reader.peek(12);
  return head.byteLength === 12 && fourCC(head, 0) === "RIFX" && fourCC(head, 8) === "WAVE";
}

/** The same file as one of ours: header and samples with their bytes turned round. */
export function littleEndianWav(reader: ByteReader): ByteSource {
  const pieces = turnedPieces(reader);
  return {
    size: reader.remaining,
    next: async () => (await pieces.next()).value ?? undefined,
  };
}

async function* turnedPieces(reader: ByteReader): AsyncGenerator<Uint8Array> {
  const riff = Buffer.from(await reader.read(12));
  yield Buffer.concat([Buffer.from("RIFF"), turned(riff.subarray(4, 8), 4), riff.subarray(8)]);
  let sampleBytes = 2;
  for (;;) {
    const head = Buffer.from(await reader.read(8));
    if (head.byteLength < 8) {
      if (head.byteLength > 0) yield head;
      return;
    }
    const id = fourCC(head, 0);
    const size = head.readUInt32BE(4);
    yield Buffer.concat([head.subarray(0, 4), turned(head.subarray(4), 4)]);
    let left = size === UNKNOWN_SIZE ? Number.POSITIVE_INFINITY : size + (size % 2);
    if (id === "fmt ") {
      const chunk = Buffer.from(await reader.read(Math.min(left, 4096)));
      left -= chunk.byteLength;
      if (chunk.byteLength >= BITS_OFFSET + 2)
        sampleBytes = Math.max(1, Math.ceil(chunk.readUInt16BE(BITS_OFFSET) / 8));
      yield turnedFields(chunk);
    }
    const step = id === "data" ? sampleBytes : 1;
    while (left > 0) {
      const bytes = await reader.read(Math.min(left, PIECE_BYTES - (PIECE_BYTES % step)));
      if (bytes.byteLength === 0) return;
      left -= bytes.byteLength;
      yield turned(bytes, step);
    }
  }
}

/** Numbers of `step` bytes with their bytes turned round; what is left over stays. */
function turned(bytes: Uint8Array, step: number): Uint8Array {
  if (step === 1) return bytes;
  const copy = Uint8Array.from(bytes);
  for (let i = 0; i + step <= copy.length; i += step) copy.subarray(i, i + step).reverse();
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
