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
}

/** Bytes of `WAVE_FORMAT_EXTENSIBLE`, the longest form that is looked at. */
export const FMT_BYTES = 40;

const PCM = 0x0001;
const FLOAT = 0x0003;
const A_LAW = 0x0006;
const MU_LAW = 0x0007;
const EXTENSIBLE = 0xfffe;

/** The last 14 bytes of `KSDATAFORMAT_SUBTYPE_*`; the first two are the format tag. */
const SUBTYPE_SUFFIX = Buffer.from("000000001000800000aa00389b71", "hex");

/**
 * Reads a `fmt ` chunk (Microsoft `WAVEFORMATEX` and `WAVEFORMATEXTENSIBLE`).
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
  const frameBytes = view.getUint16(12, true);
  const bits = view.getUint16(14, true);
  if (channels < 1 || channels > MAX_CHANNELS) {
    throw damaged(`it has ${channels} channels, expected 1 to ${MAX_CHANNELS}`);
  }
  if (sampleRate < MIN_SAMPLE_RATE || sampleRate > MAX_SAMPLE_RATE) {
    throw damaged(`its sample rate is ${sampleRate} Hz, expected ${MIN_SAMPLE_RATE} to ${MAX_SAMPLE_RATE}`);
  }
  const codec = pcmCodec(formatTag(view, chunk), bits);
  if (codec && frameBytes !== channels * SAMPLE_BYTES[codec]) {
    const expected = `${channels * SAMPLE_BYTES[codec]} for ${channels} x ${bits} bits`;
    throw damaged(`its block align is ${frameBytes}, expected ${expected}`);
  }
  return { codec, sampleRate, channels, frameBytes };
}

/** The codec's tag, looked up in the subtype for extensible formats; undefined for subtypes of other families. */
function formatTag(view: DataView, chunk: Uint8Array): number | undefined {
  const tag = view.getUint16(0, true);
  if (tag !== EXTENSIBLE) return tag;
  if (chunk.byteLength < FMT_BYTES || !SUBTYPE_SUFFIX.equals(chunk.subarray(26, 40))) return undefined;
  return view.getUint16(24, true);
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
