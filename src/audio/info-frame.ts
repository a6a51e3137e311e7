import type { FrameHeader } from "./frame-header.js";

/** What an encoder has noted in a first frame that is no sound. */
export interface FrameInfo {
  /** Frames of sound in the file. */
  frames: number | undefined;
  /** Samples of the encoder's and the decoder's delay, which FFmpeg leaves out of intact files. */
  delay: number;
}

/** Of a decoder of Layer III. */
const DECODER_DELAY = 529;
const XING_FRAMES = 1;
/** Bytes of Xing's fields by their flags: frames, bytes, a table of places, quality. */
const XING_FIELDS = [
  [XING_FRAMES, 4],
  [2, 4],
  [4, 100],
  [8, 4],
] as const;

/** The notes of Xing, LAME and Fraunhofer in a Layer III frame; undefined where the frame is sound. */
export function frameInfo(
  data: Uint8Array,
  { layer, samples, channels }: FrameHeader,
): FrameInfo | undefined {
  if (layer !== 3) return undefined;
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const name = (offset: number) => bytes.toString("latin1", offset, offset + 4);
  // Behind header and side information.
  const place = 4 + (samples === 1152 ? [17, 32] : [9, 17])[channels - 1]!;
  if (["Xing", "Info"].includes(name(place))) return xing(bytes, place);
  const vbri = 4 + 32;
  if (name(vbri) !== "VBRI" || bytes.length < vbri + 18) return undefined;
  return { frames: bytes.readUInt32BE(vbri + 14), delay: 0 };
}

function xing(bytes: Buffer, place: number): FrameInfo {
  const flags = bytes[place + 7] ?? 0;
  const fields = XING_FIELDS.reduce((sum, [flag, size]) => sum + (flags & flag ? size : 0), 0);
  const counted = flags & XING_FRAMES && bytes.length >= place + 12;
  const frames = counted ? bytes.readUInt32BE(place + 8) : undefined;
  // LAME's part: 21 bytes further, 12 bits.
  const at = place + 8 + fields + 21;
  const delay = at + 1 < bytes.length ? bytes.readUInt16BE(at) >>> 4 : 0;
  return { frames, delay: delay === 0 ? 0 : delay + DECODER_DELAY };
}
