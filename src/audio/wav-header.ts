import { turned, turnedFormat } from "./byte-order.js";
import type { ByteReader } from "./byte-reader.js";
import { decodeFailed, unsupportedFormat } from "./errors.js";
import { fourCC, isBigEndianRiff, RIFF_HEAD, skipChunk, uint32 } from "./riff-chunks.js";
import { FMT_BYTES, looseScale, parseWavFormat, type WavFormat } from "./wav-format.js";

/** A WAV file up to its first sample. */
export interface WavHeader {
  format: WavFormat;
  /** Whether numbers have the order of big-endian machines (RIFX): those of samples, and of chunks behind them. */
  isBigEndian: boolean;
  /** Bytes of samples that the header announces; undefined when its writer did not know ("to the end"). */
  dataBytes: number | undefined;
  /** Factor of the samples. */
  scale: number;
}

/** Chunks of no size take eight bytes each: keeps a forged file of gigabytes from being walked for hours. */
const MAX_CHUNKS = 1_000_000;
/** As many bytes of samples tell at which end of their bytes they are. */
const LOOSE_BYTES_HEARD = 256 * 1024;
/** As much of a stream is kept while it is not yet known whether the codec is read in-process. */
const MAX_KEPT_BYTES = 16 * 1024 * 1024;

/**
 * Reads a WAV header and leaves `reader` at the first sample. When the codec is not one of ours the reader is left
 * rewound to the start instead, for FFmpeg, and `dataBytes` is undefined.
 * @throws TranscriptionError DECODE_FAILED, UNSUPPORTED_FORMAT (RIFF, but not WAVE)
 */
export async function readWavHeader(reader: ByteReader): Promise<WavHeader> {
  const { task } = reader;
  const { name } = task;
  const damaged = (what: string) => decodeFailed(name, `its WAV header is ${what}`);
  reader.hold();
  const riff = await reader.read(RIFF_HEAD);
  if (riff.byteLength < RIFF_HEAD) throw damaged("cut off");
  if (fourCC(riff, 8) !== "WAVE") {
    const kind = JSON.stringify(fourCC(riff, 8));
    throw unsupportedFormat(
      name,
      `it is a ${fourCC(riff, 0)} file of kind ${kind}, which holds no sound that is known here`,
    );
  }
  const isBigEndian = isBigEndianRiff(riff);
  const start = reader.position;
  let longDataBytes: number | undefined;
  let format: WavFormat | undefined;
  for (let chunk = 0; chunk < MAX_CHUNKS; chunk++) {
    if (chunk % 1024 === 1023) reader.task.check();
    const head = await reader.read(8);
    if (head.byteLength < 8)
      throw damaged(format ? "cut off before the samples" : "cut off before its fmt chunk");
    const id = fourCC(head, 0);
    const size = uint32(head, 4, isBigEndian);
    if (id === "data") {
      if (!format) throw damaged("damaged: there is no fmt chunk before the samples");
      const announced = size === 0xffff_ffff && longDataBytes !== undefined ? longDataBytes : size;
      task.warn(...format.warnings);
      const dataBytes = trustedDataBytes(
        announced,
        uint32(riff, 4, isBigEndian),
        reader.position - start + RIFF_HEAD,
      );
      return { ...(await settleLoose(reader, format, isBigEndian, dataBytes)), isBigEndian, dataBytes };
    }
    const content = await reader.read(id === "fmt " || id === "ds64" ? Math.min(size, FMT_BYTES) : 0);
    if (id === "fmt ") {
      if (content.byteLength < Math.min(size, FMT_BYTES)) throw damaged("cut off in its fmt chunk");
      format = parseWavFormat(isBigEndian ? turnedFormat(content) : content, name);
      if (!format.codec) {
        reader.rewind();
        return { format, isBigEndian, dataBytes: undefined, scale: 1 };
      }
      reader.release();
    }
    if (id === "ds64" && content.byteLength >= 16)
      longDataBytes = uint32(content, 8) + uint32(content, 12) * 2 ** 32;
    // Samples in pieces: a list whose form is "wavl".
    if (id === "LIST" && fourCC(await reader.peek(4), 0) === "wavl") {
      await reader.skip(4);
      continue;
    }
    const left = size - content.byteLength;
    if (reader.keeps && reader.position - start + left > MAX_KEPT_BYTES) {
      throw damaged(`damaged: there is no fmt chunk in its first ${MAX_KEPT_BYTES} bytes`);
    }
    await skipChunk(reader, size, left);
  }
  throw damaged(`damaged: there are more than ${MAX_CHUNKS} chunks before the samples`);
}

/** Where bits and block align contradict each other, the samples tell what they are. */
async function settleLoose(
  reader: ByteReader,
  format: WavFormat,
  isBigEndian: boolean,
  dataBytes = LOOSE_BYTES_HEARD,
): Promise<{ format: WavFormat; scale: number }> {
  if (!format.loose) return { format, scale: 1 };
  const { bits, tight } = format.loose;
  const samples = await reader.peek(Math.min(dataBytes, LOOSE_BYTES_HEARD));
  const scale = looseScale(isBigEndian ? turned(samples, 4) : samples, bits);
  if (scale !== undefined) return { format, scale };
  const contradiction = `its block align is ${format.frameBytes} for ${format.channels} x ${bits} bits`;
  if (!tight) {
    const found = "and its samples are not of so many bits in 4 bytes";
    throw decodeFailed(reader.task.name, `its WAV header is damaged: ${contradiction}, ${found}`);
  }
  reader.task.warn(
    `The WAV header is wrong, which does not matter: ${contradiction}, expected ${tight.frameBytes}`,
  );
  return { format: { ...format, ...tight }, scale: 1 };
}

/**
 * Writers into a pipe cannot come back to fill in sizes. FFmpeg leaves 0xFFFFFFFF, SoX 0x7FFFF000, arecord
 * 0x80000000, others 0 together with a RIFF size that ends at or before the data; but 0 inside a larger RIFF is a true statement.
 */
export function trustedDataBytes(
  announced: number,
  riffBytes: number,
  dataStart: number,
): number | undefined {
  if (announced >= 0x7fff_f000 && announced <= 0x8000_0000) return undefined;
  if (announced >= 0xffff_f000 && announced <= 0xffff_ffff) return undefined;
  if (announced > Number.MAX_SAFE_INTEGER) return undefined;
  if (announced === 0 && (riffBytes + 8 <= dataStart || riffBytes === 0xffff_ffff)) return undefined;
  return announced;
}
