import type { FrameHeader } from "./frame-header.js";

/** Hz by `SFREQ`; 0 where it has no meaning. */
const RATES = [
  0, 8000, 16_000, 32_000, 0, 0, 11_025, 22_050, 44_100, 0, 0, 12_000, 24_000, 48_000, 96_000, 192_000,
];
const CHANNELS = [1, 2, 2, 2, 2, 3, 3, 4, 4, 5, 6, 6, 6, 7, 8, 8];
const CORE = 0x7ffe8001;
const EXTENSION = 0x64582025;

/** Header of a DTS frame with what extends it. Source: ETSI TS 102 114, 5.3 and 7.4.1. */
export function dtsFrameHeader(bytes: Uint8Array, offset: number): FrameHeader | undefined {
  if (offset + 9 > bytes.length || bytes[offset + 1] !== 0xfe) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(offset) !== CORE) return undefined;
  const blocks = 1 + ((view.getUint16(offset + 4) >>> 2) & 0x7f);
  const coreBytes = 1 + ((view.getUint32(offset + 4) >>> 4) & 0x3fff);
  const sampleRate = RATES[(bytes[offset + 8]! >>> 2) & 15]!;
  const mode = (view.getUint16(offset + 7) >>> 6) & 0x3f;
  if (sampleRate === 0 || coreBytes < 96 || blocks < 6) return undefined;
  const size = coreBytes + extensionBytes(view, offset + coreBytes);
  const channels = CHANNELS[mode] ?? 2;
  return {
    kind: "dts",
    bytes: size,
    signature: sampleRate,
    sampleRate,
    samples: 32 * blocks,
    layer: 0,
    channels,
  };
}

function extensionBytes(view: DataView, offset: number): number {
  if (offset + 10 > view.byteLength || view.getUint32(offset) !== EXTENSION) return 0;
  const hasLongSizes = (view.getUint8(offset + 5) & 0x20) !== 0;
  const bits = view.getUint32(offset + 6);
  return 1 + (hasLongSizes ? (bits & 0x1ff_ffff) >>> 5 : (bits & 0x1fff_ffff) >>> 13);
}
