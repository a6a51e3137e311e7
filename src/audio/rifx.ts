import { turned, turnedFormat } from "./byte-order.js";
import { PIECE_BYTES } from "./byte-source.js";
import type { ReadAt } from "./read-at.js";
import {
  CHUNK_HEAD,
  fourCC,
  hasPad,
  isBigEndianRiff,
  isChunkName,
  isWav,
  RIFF_HEAD,
  uint32,
} from "./riff-chunks.js";
import { parseWavFormat } from "./wav-format.js";
import { trustedDataBytes } from "./wav-header.js";

/** A `fmt ` chunk is shorter. */
const LONGEST_FMT = 4096;
/** Keeps a forged file from being walked for hours. */
const MOST_CHUNKS = 10_000;

/** Whether a WAV file of big-endian machines begins at `start`: RIFX, whose numbers all have the other order. */
export async function isBigEndianWav(readAt: ReadAt, start: number): Promise<boolean> {
  const head = await readAt(start, RIFF_HEAD);
  return isWav(head) && isBigEndianRiff(head);
}

/**
 * A WAV file of big-endian machines, from `start` up to `end`, as RIFF, for FFmpeg, which reads neither their samples
 * nor most of their headers: sizes, format and samples with their bytes turned round. No piece is empty.
 */
export async function* littleEndianWav(
  readAt: ReadAt,
  start: number,
  end: number,
): AsyncGenerator<Uint8Array, undefined> {
  const bytesAt = (place: number, count: number) => readAt(place, Math.min(count, end - place));
  const riff = await bytesAt(start, RIFF_HEAD);
  yield Buffer.concat([Buffer.from("RIFF"), turned(riff.subarray(4, 8), 4), riff.subarray(8)]);
  let position = start + RIFF_HEAD;
  /** Bytes of a sample. */
  let width = 1;
  let isBehindData = false;
  async function* content(to: number, bytes: number): AsyncGenerator<Uint8Array> {
    while (position < to) {
      const piece = await bytesAt(position, Math.min(to - position, PIECE_BYTES - (PIECE_BYTES % bytes)));
      if (piece.byteLength === 0) return;
      position += piece.byteLength;
      yield turned(piece, bytes);
    }
  }
  for (let chunks = 0; chunks < MOST_CHUNKS; chunks++) {
    const head = await bytesAt(position, CHUNK_HEAD);
    const id = fourCC(head, 0);
    if (head.byteLength < CHUNK_HEAD || (isBehindData && !isChunkName(id))) break;
    yield Buffer.concat([head.subarray(0, 4), turned(head.subarray(4), 4)]);
    position += CHUNK_HEAD;
    const announced = uint32(head, 4, true);
    const isData = id === "data";
    isBehindData ||= isData;
    const size = isData ? trustedDataBytes(announced, uint32(riff, 4, true), position - start) : announced;
    const to = Math.min(end, position + (size ?? Number.POSITIVE_INFINITY));
    if (id === "fmt " && position < to) {
      const format = turnedFormat(await bytesAt(position, Math.min(to - position, LONGEST_FMT)));
      position += format.byteLength;
      width = widthOf(format);
      yield format;
    }
    yield* content(to, isData ? width : 1);
    if (announced % 2 === 1 && hasPad(await bytesAt(position, 5))) yield* content(position + 1, 1);
  }
  yield* content(end, 1);
}

/** Bytes of samples that are numbers; what other codecs hold is bytes in either order. @param format turned round */
function widthOf(format: Uint8Array): number {
  try {
    const { codec, frameBytes, channels } = parseWavFormat(format, "");
    return codec ? frameBytes / channels : 1;
  } catch {
    // FFmpeg may make sense of it.
    return 1;
  }
}
