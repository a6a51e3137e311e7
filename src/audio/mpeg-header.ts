import type { FrameHeader } from "./frame-header.js";

const SAMPLE_RATES = [44_100, 48_000, 32_000];
/** Hz by the index that ADTS headers and MPEG-4's configuration have. */
export const AAC_RATES: readonly number[] = [
  ...[96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000, 7350],
];

/** kbit/s by bitrate index, for MPEG-1 layers I, II and III, then MPEG-2 layer I and layers II/III. */
const BITRATES = {
  v1l1: [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
  v1l2: [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
  v1l3: [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  v2l1: [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
  v2l23: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
} as const;

/**
 * Header of an MPEG audio or ADTS frame.
 * Sources: ISO/IEC 11172-3 and 13818-3 (MPEG-1 and -2 audio, layers I to III, and "2.5"), 13818-7 (ADTS).
 */
export function mpegFrameHeader(bytes: Uint8Array, offset: number): FrameHeader | undefined {
  // Asked of every such byte in what may be megabytes of anything.
  if ((bytes[offset + 1]! & 0xe0) !== 0xe0) return undefined;
  const header =
    ((bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!) >>>
    0;
  if (header >>> 20 === 0xfff && ((header >>> 17) & 3) === 0) return adtsHeader(bytes, offset, header);
  if (header >>> 21 === 0x7ff) return mpegHeader(header);
  return undefined;
}

function adtsHeader(bytes: Uint8Array, offset: number, header: number): FrameHeader | undefined {
  const sampleRate = AAC_RATES[(header >>> 10) & 15];
  if (sampleRate === undefined || offset + 7 > bytes.length) return undefined;
  const length = ((header & 3) << 11) | (bytes[offset + 4]! << 3) | (bytes[offset + 5]! >>> 5);
  if (length < 7) return undefined;
  const blocks = 1 + (bytes[offset + 6]! & 3);
  const channels = ((header & 1) << 2) | (bytes[offset + 3]! >>> 6);
  const signature = header & 0xffff_fc00;
  return { kind: "aac", bytes: length, signature, sampleRate, samples: 1024 * blocks, layer: 0, channels };
}

function mpegHeader(header: number): FrameHeader | undefined {
  const version = (header >>> 19) & 3;
  const layer = 4 - ((header >>> 17) & 3);
  const rate = SAMPLE_RATES[(header >>> 10) & 3];
  if (version === 1 || layer === 4 || rate === undefined) return undefined;
  const first = version === 3;
  const kilobits = bitrates(first, layer)[(header >>> 12) & 15];
  if (!kilobits) return undefined;
  const sampleRate = rate / (first ? 1 : version === 2 ? 2 : 4);
  const samples = layer === 1 ? 384 : layer === 3 && !first ? 576 : 1152;
  const slotBytes = layer === 1 ? 4 : 1;
  const slots = Math.floor((samples * kilobits * 125) / sampleRate / slotBytes) + ((header >>> 9) & 1);
  const channels = ((header >>> 6) & 3) === 3 ? 1 : 2;
  const signature = header & 0xfffe_0c00;
  return { kind: "mp3", bytes: slots * slotBytes, signature, sampleRate, samples, layer, channels };
}

function bitrates(firstVersion: boolean, layer: number): readonly number[] {
  if (!firstVersion) return layer === 1 ? BITRATES.v2l1 : BITRATES.v2l23;
  return layer === 1 ? BITRATES.v1l1 : layer === 2 ? BITRATES.v1l2 : BITRATES.v1l3;
}
