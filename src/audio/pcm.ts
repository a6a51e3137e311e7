/** Sample formats that are read in-process; the names are FFmpeg's. */
export type PcmCodec =
  | "pcm_u8"
  | "pcm_s16le"
  | "pcm_s24le"
  | "pcm_s32le"
  | "pcm_f32le"
  | "pcm_f64le"
  | "pcm_mulaw"
  | "pcm_alaw";

/** Bytes of one sample. */
export const SAMPLE_BYTES: Readonly<Record<PcmCodec, number>> = {
  pcm_u8: 1,
  pcm_s16le: 2,
  pcm_s24le: 3,
  pcm_s32le: 4,
  pcm_f32le: 4,
  pcm_f64le: 8,
  pcm_mulaw: 1,
  pcm_alaw: 1,
};

/**
 * Floating-point samples beyond this are damage, not sound: it leaves room for files at integer scale (±32768),
 * and none for numbers whose powers overflow further on.
 */
const LARGEST_SAMPLE = 65_536;

type Reader = (view: DataView, index: number) => number;

const READERS: Readonly<Record<PcmCodec, Reader>> = {
  pcm_u8: (view, i) => (view.getUint8(i) - 128) / 2 ** 7,
  pcm_s16le: (view, i) => view.getInt16(2 * i, true) / 2 ** 15,
  pcm_s24le: (view, i) => (view.getInt8(3 * i + 2) * 2 ** 16 + view.getUint16(3 * i, true)) / 2 ** 23,
  pcm_s32le: (view, i) => view.getInt32(4 * i, true) / 2 ** 31,
  pcm_f32le: (view, i) => view.getFloat32(4 * i, true),
  pcm_f64le: (view, i) => view.getFloat64(8 * i, true),
  pcm_mulaw: (view, i) => MU_LAW[view.getUint8(i)]!,
  pcm_alaw: (view, i) => A_LAW[view.getUint8(i)]!,
};

/** Samples of whole bytes as float32 in [-1, 1]; order and interleaving stay as they are. */
export function decodePcm(codec: PcmCodec, bytes: Uint8Array): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const samples = new Float32Array(Math.floor(bytes.byteLength / SAMPLE_BYTES[codec]));
  const read = READERS[codec];
  for (let i = 0; i < samples.length; i++) samples[i] = read(view, i);
  return samples;
}

/** Puts 0 for NaN, infinities and absurd numbers, and says how many there were. */
export function silenceInvalidSamples(samples: Float32Array): number {
  let invalid = 0;
  for (let i = 0; i < samples.length; i++) {
    if (Math.abs(samples[i]!) <= LARGEST_SAMPLE) continue;
    samples[i] = 0;
    invalid++;
  }
  return invalid;
}

/** ITU-T G.711 mu-law: bits inverted; sign, 3-bit exponent, 4-bit mantissa over a bias of 33 (here at 16 bits: 132). */
const MU_LAW = Float32Array.from({ length: 256 }, (_, code) => {
  const bits = ~code & 0xff;
  const magnitude = ((((bits & 0x0f) << 3) + 132) << ((bits >> 4) & 7)) - 132;
  return (bits & 0x80 ? -magnitude : magnitude) / 2 ** 15;
});

/** ITU-T G.711 A-law: even bits inverted; sign, 3-bit exponent, 4-bit mantissa, the lowest segment linear. */
const A_LAW = Float32Array.from({ length: 256 }, (_, code) => {
  const bits = code ^ 0x55;
  const exponent = (bits >> 4) & 7;
  const mantissa = ((bits & 0x0f) << 4) + 8;
  const magnitude = exponent === 0 ? mantissa : (mantissa + 0x100) << (exponent - 1);
  return (bits & 0x80 ? magnitude : -magnitude) / 2 ** 15;
});
