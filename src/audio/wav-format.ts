import { MAX_CHANNELS, MAX_SAMPLE_RATE, MIN_SAMPLE_RATE } from "../config/limits.js";
import { decodeFailed } from "./errors.js";
import { type PcmCodec, SAMPLE_BYTES } from "./pcm.js";

/** What the `fmt ` chunk says. */
export interface WavFormat {
  /** Undefined for codecs that are not read in-process. */
  codec: PcmCodec | undefined;
  sampleRate: number;
  channels: number;
  /** Bytes of one sample of every channel. */
  frameBytes: number;
  /**
   * Present where bits and block align contradict each other in a way that only the samples can settle: they may be of
   * so many bits in four bytes, at either end – or, where the byte rate says so, of `tight`.
   */
  loose?: { bits: number; tight: { codec: PcmCodec; frameBytes: number } | undefined };
  /** What is wrong with the chunk, but does not matter. */
  warnings: string[];
}

/** Bytes of `WAVE_FORMAT_EXTENSIBLE`, the longest form that is looked at. */
export const FMT_BYTES = 40;

const PCM = 0x0001;
const FLOAT = 0x0003;
const A_LAW = 0x0006;
const MU_LAW = 0x0007;
const EXTENSIBLE = 0xfffe;

/** The last 14 bytes of `KSDATAFORMAT_SUBTYPE_*` and of its ambisonic sister; the first two are the format tag. */
const SUBTYPE_SUFFIXES = ["000000001000800000aa00389b71", "00002107d3118644c8c1ca000000"];

/** Bytes that samples of fewer bits are found in, against the rule that they take no more than they need. */
const LOOSE_BYTES = 4;

/**
 * Reads a `fmt ` chunk (Microsoft `WAVEFORMATEX` and `WAVEFORMATEXTENSIBLE`). Where fields contradict each other, what
 * the others agree on is believed.
 * @throws TranscriptionError DECODE_FAILED for numbers that no recording can have
 */
export function parseWavFormat(chunk: Uint8Array, name: string): WavFormat {
  const damaged = (what: string) => decodeFailed(name, `its WAV header is damaged: ${what}`);
  if (chunk.byteLength < 16) {
    throw damaged(`the fmt chunk has ${chunk.byteLength} bytes, expected at least 16`);
  }
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  const channels = view.getUint16(2, true);
  const sampleRate = view.getUint32(4, true);
  const byteRate = view.getUint32(8, true);
  const frameBytes = view.getUint16(12, true);
  const announcedBits = view.getUint16(14, true);
  if (channels < 1 || channels > MAX_CHANNELS) {
    throw damaged(`it has ${channels} channels, expected 1 to ${MAX_CHANNELS}`);
  }
  if (sampleRate < MIN_SAMPLE_RATE || sampleRate > MAX_SAMPLE_RATE) {
    throw damaged(`its sample rate is ${sampleRate} Hz, expected ${MIN_SAMPLE_RATE} to ${MAX_SAMPLE_RATE}`);
  }
  const warnings: string[] = [];
  const tag = formatTag(view, chunk, warnings);
  if (warnings.length > 0 && tag === PCM && announcedBits >= 32) {
    throw damaged(`it names no codec, and ${announcedBits} bits may be whole or floating-point numbers`);
  }
  // What block align and byte rate agree on, where bits tell nothing.
  const wholeBits = (8 * frameBytes) / channels;
  const agreed = byteRate === sampleRate * frameBytes && [8, 16, 24, 32].includes(wholeBits);
  const bits = tag === PCM && announcedBits === 0 && agreed ? wholeBits : announcedBits;
  if (bits !== announcedBits) {
    warnings.push(`The WAV header is wrong: it announces samples of 0 bits; they were read as ${bits} bits`);
  }
  const codec = pcmCodec(tag, bits);
  if (!codec && tag === FLOAT)
    throw damaged(`it has floating-point samples of ${bits} bits, expected 32 or 64`);
  if (tag === PCM && (bits === 0 || bits > 64)) {
    throw damaged(`it has samples of ${bits} bits, expected 1 to 64`);
  }
  if (!codec) return { codec, sampleRate, channels, frameBytes, warnings: [] };
  const expected = channels * SAMPLE_BYTES[codec];
  if (frameBytes === expected) return { codec, sampleRate, channels, frameBytes, warnings };
  const contradiction = `its block align is ${frameBytes}, expected ${expected} for ${channels} x ${bits} bits`;
  const believed = byteRate === sampleRate * expected || frameBytes === 0;
  if (frameBytes === channels * LOOSE_BYTES && tag === PCM && bits > 8) {
    const tight = believed ? { codec, frameBytes: expected } : undefined;
    return { codec: "pcm_s32le", sampleRate, channels, frameBytes, loose: { bits, tight }, warnings };
  }
  if (!believed) throw damaged(contradiction);
  warnings.push(`The WAV header is wrong, which does not matter: ${contradiction}`);
  return { codec, sampleRate, channels, frameBytes: expected, warnings };
}

/**
 * The codec's tag, which extensible formats have in their subtype; undefined for subtypes of other families. A header
 * that names no codec at all is one of plain samples whose writer left it out.
 */
function formatTag(view: DataView, chunk: Uint8Array, warnings: string[]): number | undefined {
  const tag = view.getUint16(0, true);
  const plain = (what: string): number => {
    warnings.push(`The WAV header is wrong: ${what}; it was read as plain samples`);
    return PCM;
  };
  if (tag === 0) return plain("its format tag is 0");
  if (tag !== EXTENSIBLE) return tag;
  if (chunk.byteLength < FMT_BYTES) {
    return plain(`it is extensible, but its fmt chunk has ${chunk.byteLength} bytes, expected ${FMT_BYTES}`);
  }
  const subtype = view.getUint16(24, true);
  const suffix = Buffer.from(chunk.subarray(26, FMT_BYTES)).toString("hex");
  if (SUBTYPE_SUFFIXES.includes(suffix)) return subtype;
  if (subtype === 0 && /^0+$/.test(suffix)) return plain("its subtype is empty");
  if (![PCM, FLOAT, A_LAW, MU_LAW].includes(subtype)) return undefined;
  warnings.push(
    `The WAV header is wrong: its subtype begins like that of codec ${subtype} and goes on with ${suffix}; it was read as codec ${subtype}`,
  );
  return subtype;
}

const INTEGER_CODECS = ["pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le"] as const;

/** Sizes that are no multiple of 8 bits are left-justified in the next larger container, so they read alike. */
function pcmCodec(tag: number | undefined, bits: number): PcmCodec | undefined {
  if (tag === PCM) return INTEGER_CODECS[Math.ceil(bits / 8) - 1];
  if (tag === FLOAT && bits === 32) return "pcm_f32le";
  if (tag === FLOAT && bits === 64) return "pcm_f64le";
  if (tag === MU_LAW && bits === 8) return "pcm_mulaw";
  if (tag === A_LAW && bits === 8) return "pcm_alaw";
  return undefined;
}

/**
 * Factor that brings samples of `bits` in 32 to their level: 1 where they fill the upper bits, as the rule for such
 * sizes has it, 2^(32 - bits) where they are numbers of `bits`; undefined where they are neither.
 * @param data the first samples
 */
export function looseScale(data: Uint8Array, bits: number): number | undefined {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength - (data.byteLength % 4));
  const unused = 2 ** (32 - bits);
  let upper = true;
  let lower = true;
  for (let i = 0; i < view.byteLength; i += 4) {
    const sample = view.getInt32(i, true);
    if (sample % unused !== 0) upper = false;
    if (Math.abs(sample + 0.5) > 2 ** (bits - 1)) lower = false;
  }
  // What could be either is taken for numbers: sound in the upper bits reaches above the lower ones soon.
  if (lower) return unused;
  return upper ? 1 : undefined;
}
