import type { FrameHeader } from "./frame-header.js";

const RATES = [48_000, 44_100, 32_000];
/** kbit/s by the upper bits of `frmsizecod`. */
const BITRATES = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640];
/** Channels by `acmod`, without the one for low frequencies. */
const CHANNELS = [2, 1, 2, 3, 3, 4, 4, 5];
/** Blocks of 256 samples by `numblkscod` of E-AC-3. */
const BLOCKS = [1, 2, 3, 6];
/** The last `bsid` of AC-3, above 8 at half and a quarter of the rate; E-AC-3 has 11 to 16. */
const LAST_AC3 = 10;
const LAST_EAC3 = 16;
/** Of a frame that only adds channels to the one before. */
const DEPENDENT = 1;

/** Header of an AC-3 or E-AC-3 frame. Source: ETSI TS 102 366 (ATSC A/52), 4.4 and E.1.3. */
export function ac3FrameHeader(bytes: Uint8Array, offset: number): FrameHeader | undefined {
  if (bytes[offset + 1] !== 0x77 || offset + 7 > bytes.length) return undefined;
  const version = bytes[offset + 5]! >>> 3;
  if (version > LAST_EAC3) return undefined;
  return version > LAST_AC3 ? eac3(bytes, offset) : ac3(bytes, offset, version);
}

function ac3(bytes: Uint8Array, offset: number, version: number): FrameHeader | undefined {
  const rate = RATES[bytes[offset + 4]! >>> 6];
  const sizeCode = bytes[offset + 4]! & 0x3f;
  const kilobits = BITRATES[sizeCode >>> 1];
  if (rate === undefined || kilobits === undefined) return undefined;
  // In words of 16 bits; at 44.1 kHz every other frame may be one longer.
  const words = Math.floor((kilobits * 96_000) / rate) + (rate === 44_100 ? sizeCode & 1 : 0);
  const channels = CHANNELS[bytes[offset + 6]! >>> 5]!;
  const sampleRate = rate >>> Math.max(0, version - 8);
  return {
    kind: "ac3",
    bytes: 2 * words,
    signature: sampleRate,
    sampleRate,
    samples: 1536,
    layer: 0,
    channels,
  };
}

function eac3(bytes: Uint8Array, offset: number): FrameHeader | undefined {
  const size = 2 * ((((bytes[offset + 2]! & 7) << 8) | bytes[offset + 3]!) + 1);
  const rates = bytes[offset + 4]! >>> 6;
  const code = (bytes[offset + 4]! >>> 4) & 3;
  const rate = rates === 3 ? (RATES[code] ?? 0) / 2 : RATES[rates]!;
  if (rate === 0 || size < 7) return undefined;
  const blocks = rates === 3 ? 6 : BLOCKS[code]!;
  const samples = bytes[offset + 2]! >>> 6 === DEPENDENT ? 0 : 256 * blocks;
  const channels = CHANNELS[(bytes[offset + 4]! >>> 1) & 7]!;
  return { kind: "eac3", bytes: size, signature: rate, sampleRate: rate, samples, layer: 0, channels };
}
