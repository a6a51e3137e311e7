/**
 * Length of the MPEG audio or ADTS frame that starts at `offset`, and what must not change in the next one.
 * Sources: ISO/IEC 11172-3 and 13818-3 (MPEG-1 and -2 audio, layers I to III, and "2.5"), 13818-7 (ADTS).
 */
interface FrameHeader {
  kind: "mp3" | "aac";
  bytes: number;
  signature: number;
}

/** Frames in a row that are no coincidence: the chance is below 1e-8 in 64 KiB of noise. */
const CONVINCING_FRAMES = 3;

const SAMPLE_RATES = [44_100, 48_000, 32_000];

/** kbit/s by bitrate index, for MPEG-1 layers I, II and III, then MPEG-2 layer I and layers II/III. */
const BITRATES = {
  v1l1: [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
  v1l2: [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
  v1l3: [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  v2l1: [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
  v2l23: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
} as const;

/**
 * Finds MP3 (any MPEG audio layer) or ADTS frames, with or without garbage before them. At the very start a chain
 * that ends with the data is enough; further in it takes several frames.
 */
export function findMpegFrames(bytes: Uint8Array): "mp3" | "aac" | undefined {
  for (let start = 0; start + 4 <= bytes.length; start++) {
    if (bytes[start] !== 0xff) continue;
    const first = frameHeader(bytes, start);
    if (first && isChain(bytes, start, first)) return first.kind;
  }
  return undefined;
}

function isChain(bytes: Uint8Array, start: number, first: FrameHeader): boolean {
  let offset = start + first.bytes;
  for (let frames = 1; frames < CONVINCING_FRAMES; frames++) {
    if (offset + 4 > bytes.length) return start === 0;
    const next = frameHeader(bytes, offset);
    if (next?.kind !== first.kind || next.signature !== first.signature) return false;
    offset += next.bytes;
  }
  return true;
}

function frameHeader(bytes: Uint8Array, offset: number): FrameHeader | undefined {
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(offset);
  if (header >>> 20 === 0xfff && ((header >>> 17) & 3) === 0) return adtsHeader(bytes, offset, header);
  if (header >>> 21 === 0x7ff) return mpegHeader(header);
  return undefined;
}

function adtsHeader(bytes: Uint8Array, offset: number, header: number): FrameHeader | undefined {
  const rateIndex = (header >>> 10) & 15;
  if (rateIndex > 12 || offset + 6 > bytes.length) return undefined;
  const length = ((header & 3) << 11) | (bytes[offset + 4]! << 3) | (bytes[offset + 5]! >>> 5);
  if (length < 7) return undefined;
  return { kind: "aac", bytes: length, signature: header & 0xffff_fc00 };
}

function mpegHeader(header: number): FrameHeader | undefined {
  const version = (header >>> 19) & 3;
  const layer = 4 - ((header >>> 17) & 3);
  const rate = SAMPLE_RATES[(header >>> 10) & 3];
  if (version === 1 || layer === 4 || rate === undefined) return undefined;
  const first = version === 3;
  const kilobits = bitrates(first, layer)[(header >>> 12) & 15];
  if (!kilobits) return undefined;
  const bytesPerFrame = layer === 1 ? 12 : layer === 3 && !first ? 72 : 144;
  const divisor = first ? 1 : version === 2 ? 2 : 4;
  const slots = Math.floor((bytesPerFrame * kilobits * 1000) / (rate / divisor)) + ((header >>> 9) & 1);
  return { kind: "mp3", bytes: layer === 1 ? slots * 4 : slots, signature: header & 0xfffe_0c00 };
}

function bitrates(firstVersion: boolean, layer: number): readonly number[] {
  if (!firstVersion) return layer === 1 ? BITRATES.v2l1 : BITRATES.v2l23;
  return layer === 1 ? BITRATES.v1l1 : layer === 2 ? BITRATES.v1l2 : BITRATES.v1l3;
}
