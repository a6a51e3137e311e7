import type { ByteReader } from "./byte-reader.js";
import { decodeFailed, unsupportedFormat } from "./errors.js";
import { FMT_BYTES, parseWavFormat, type WavFormat } from "./wav-format.js";

/** A WAV file up to its first sample. */
export interface WavHeader {
  format: WavFormat;
  /** Bytes of samples that the header announces; undefined when its writer did not know ("to the end"). */
  dataBytes: number | undefined;
}

/** More before the samples than any tool writes; keeps a forged file from being walked chunk by chunk for hours. */
const MAX_CHUNKS = 1024;
/** As much is kept while it is not yet known whether the codec is read in-process. */
const MAX_BYTES_BEFORE_FORMAT = 1024 * 1024;

/** Whether `head` begins like a RIFF, RF64 or BW64 file of whatever form. */
export function isRiff(head: Uint8Array): boolean {
  return ["RIFF", "RF64", "BW64"].includes(fourCC(head, 0));
}

/**
 * Reads a WAV header and leaves `reader` at the first sample. When the codec is not one of ours the reader is left
 * rewound to the start instead, for FFmpeg, and `dataBytes` is undefined.
 * @throws TranscriptionError DECODE_FAILED, UNSUPPORTED_FORMAT (RIFF, but not WAVE)
 */
export async function readWavHeader(reader: ByteReader): Promise<WavHeader> {
  const { name } = reader.task;
  const damaged = (what: string) => decodeFailed(name, `its WAV header is ${what}`);
  reader.hold();
  const riff = await reader.read(12);
  if (riff.byteLength < 12) throw damaged("cut off");
  if (fourCC(riff, 8) !== "WAVE") {
    throw unsupportedFormat(
      name,
      `it is a RIFF file of kind ${JSON.stringify(fourCC(riff, 8))}, expected "WAVE"`,
    );
  }
  let longDataBytes: number | undefined;
  let format: WavFormat | undefined;
  for (let chunk = 0; chunk < MAX_CHUNKS; chunk++) {
    const head = await reader.read(8);
    if (head.byteLength < 8)
      throw damaged(format ? "cut off before the samples" : "cut off before its fmt chunk");
    const id = fourCC(head, 0);
    const size = uint32(head, 4);
    if (id === "data") {
      if (!format) throw damaged("damaged: there is no fmt chunk before the samples");
      const announced = size === 0xffff_ffff && longDataBytes !== undefined ? longDataBytes : size;
      return { format, dataBytes: trustedDataBytes(announced, uint32(riff, 4), reader.position) };
    }
    const content = await reader.read(id === "fmt " || id === "ds64" ? Math.min(size, FMT_BYTES) : 0);
    if (id === "fmt ") {
      if (content.byteLength < Math.min(size, FMT_BYTES)) throw damaged("cut off in its fmt chunk");
      format = parseWavFormat(content, name);
      if (!format.codec) {
        reader.rewind();
        return { format, dataBytes: undefined };
      }
      reader.release();
    }
    if (id === "ds64" && content.byteLength >= 16)
      longDataBytes = uint32(content, 8) + uint32(content, 12) * 2 ** 32;
    const rest = size + (size % 2) - content.byteLength;
    if (!format && reader.position + rest > MAX_BYTES_BEFORE_FORMAT) {
      throw damaged(`damaged: there is no fmt chunk in its first ${MAX_BYTES_BEFORE_FORMAT} bytes`);
    }
    await reader.skip(rest);
  }
  throw damaged(`damaged: there are more than ${MAX_CHUNKS} chunks before the samples`);
}

/**
 * Writers into a pipe cannot come back to fill in sizes. FFmpeg leaves 0xFFFFFFFF, SoX 0x7FFFF000, others 0 together
 * with a RIFF size that ends at or before the data; but 0 inside a larger RIFF is a true statement.
 */
function trustedDataBytes(announced: number, riffBytes: number, dataStart: number): number | undefined {
  if (announced >= 0x7fff_f000 && announced <= 0x7fff_ffff) return undefined;
  if (announced >= 0xffff_f000 && announced <= 0xffff_ffff) return undefined;
  if (announced > Number.MAX_SAFE_INTEGER) return undefined;
  if (announced === 0 && (riffBytes + 8 <= dataStart || riffBytes === 0xffff_ffff)) return undefined;
  return announced;
}

function fourCC(bytes: Uint8Array, offset: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1", offset, offset + 4);
}

function uint32(bytes: Uint8Array, offset: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(offset, true);
}
