import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import wavefile from "wavefile";
import { openAudio } from "../../src/audio/open.js";
import { DEFAULT_AUDIO_LIMITS } from "../../src/config/limits.js";
import type { AudioFormat, AudioInput, OpenAudioOptions } from "../../src/types/audio.js";

export type DecodeOptions = Partial<Omit<OpenAudioOptions, "limits">> & {
  limits?: Partial<OpenAudioOptions["limits"]>;
};

export interface Decoded {
  tracks: Float32Array[];
  /** Samples of the longest block. */
  longestBlock: number;
  duration: number;
  expectedDuration: number | undefined;
  format: AudioFormat;
  warnings: readonly string[];
}

export function open(input: AudioInput, options: DecodeOptions = {}) {
  return openAudio(input, {
    channels: "mix",
    ...options,
    limits: { ...DEFAULT_AUDIO_LIMITS, ...options.limits },
  });
}

/** Opens and reads an input to its end. */
export async function decode(input: AudioInput, options: DecodeOptions = {}): Promise<Decoded> {
  const audio = await open(input, options);
  const parts: Float32Array[][] = Array.from({ length: audio.trackCount }, () => []);
  for await (const block of audio.blocks()) {
    for (const [track, samples] of block.entries()) parts[track]!.push(samples);
  }
  return {
    tracks: parts.map(concat),
    longestBlock: Math.max(0, ...parts[0]!.map((part) => part.length)),
    duration: audio.duration,
    expectedDuration: audio.expectedDuration,
    format: audio.format,
    warnings: audio.warnings,
  };
}

/** The code that `work` rejects with; `"ok"` when it does not. */
export async function outcome(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => "ok",
    (error) => error.code ?? error,
  );
}

export function concat(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}

/** Something with the unrest of speech: three partials of a gliding tone, swelling four times a second. */
export function glide(seconds: number, sampleRate: number, start = 150): Float32Array {
  return Float32Array.from({ length: Math.round(seconds * sampleRate) }, (_, i) => {
    const t = i / sampleRate;
    const phase = 2 * Math.PI * (start * t + 60 * t * t);
    const swell = 0.6 + 0.4 * Math.sin(2 * Math.PI * 4 * t);
    return 0.25 * swell * (Math.sin(phase) + 0.6 * Math.sin(2 * phase + 1) + 0.3 * Math.sin(5 * phase + 2));
  });
}

export function sine(frequency: number, seconds: number, sampleRate: number, amplitude = 0.5): Float32Array {
  return Float32Array.from(
    { length: Math.round(seconds * sampleRate) },
    (_, i) => amplitude * Math.sin((2 * Math.PI * frequency * i) / sampleRate),
  );
}

/** Sample formats that wavefile writes, by its own names. */
export type BitDepth = "8" | "16" | "24" | "32" | "32f" | "64" | "8m" | "8a";

/** A WAV file by an independent writer; one array per channel, samples in [-1, 1]. */
export function wav(channels: readonly Float32Array[], sampleRate: number, depth: BitDepth = "16"): Buffer {
  const file = new wavefile.WaveFile();
  const samples = channels.map((channel) => Array.from(channel, (sample) => toDepth(sample, depth)));
  const base = depth === "8m" || depth === "8a" ? "16" : depth;
  file.fromScratch(channels.length, sampleRate, base, samples.length === 1 ? samples[0]! : samples);
  if (depth === "8m") file.toMuLaw();
  if (depth === "8a") file.toALaw();
  return Buffer.from(file.toBuffer());
}

function toDepth(sample: number, depth: BitDepth): number {
  if (depth === "32f" || depth === "64") return sample;
  if (depth === "8") return Math.min(255, Math.round(sample * 128) + 128);
  const bits = depth === "8m" || depth === "8a" ? 16 : Number(depth);
  return Math.min(2 ** (bits - 1) - 1, Math.round(sample * 2 ** (bits - 1)));
}

/** The same WAV file as big-endian machines write it, by the independent writer. */
export function bigEndian(bytes: Uint8Array): Buffer {
  const file = new wavefile.WaveFile(bytes);
  file.toRIFX();
  return Buffer.from(file.toBuffer());
}

/** A WAV file of arbitrary fields, for what no writer would write. */
export function rawWav(
  fields: {
    id?: string;
    riffSize?: number;
    tag?: number;
    channels?: number;
    sampleRate?: number;
    blockAlign?: number;
    bits?: number;
    fmtSize?: number;
    dataSize?: number;
    /** Chunks between `fmt ` and `data`. */
    before?: Buffer;
    /** Chunks ahead of `fmt `. */
    first?: Buffer;
  },
  data: Uint8Array = new Uint8Array(0),
): Buffer {
  const { id = "RIFF", tag = 1, channels = 1, sampleRate = 16_000, bits = 16, fmtSize = 16 } = fields;
  const { before = Buffer.alloc(0), first = Buffer.alloc(0), dataSize = data.length } = fields;
  const blockAlign = fields.blockAlign ?? (channels * bits) / 8;
  const fmt = Buffer.alloc(16);
  fmt.writeUInt16LE(tag, 0);
  fmt.writeUInt16LE(channels, 2);
  fmt.writeUInt32LE(sampleRate, 4);
  fmt.writeUInt32LE((sampleRate * blockAlign) % 2 ** 32, 8);
  fmt.writeUInt16LE(blockAlign, 12);
  fmt.writeUInt16LE(bits, 14);
  const content = Buffer.concat([
    ...[Buffer.from("WAVE"), first, chunkHead("fmt ", fmtSize), fmt.subarray(0, fmtSize)],
    ...[Buffer.alloc(Math.max(0, Math.min(fmtSize, 64) - 16)), before, chunkHead("data", dataSize), data],
  ]);
  return Buffer.concat([chunkHead(id, fields.riffSize ?? content.length), content]);
}

/** A RIFF chunk with its padding. */
export function chunk(id: string, content: Uint8Array): Buffer {
  return Buffer.concat([chunkHead(id, content.length), content, Buffer.alloc(content.length % 2)]);
}

function chunkHead(id: string, size: number): Buffer {
  const head = Buffer.alloc(8);
  head.write(id, "latin1");
  head.writeUInt32LE(size, 4);
  return head;
}

/** 16-bit little-endian samples. */
export function int16(samples: Float32Array): Buffer {
  const bytes = Buffer.alloc(samples.length * 2);
  for (const [i, sample] of samples.entries()) bytes.writeInt16LE(Math.round(sample * 32_767), 2 * i);
  return bytes;
}

/** Runs FFmpeg on `inputs` (written to files named input0, input1, …) and returns the file it makes. */
export function ffmpeg(inputs: readonly Uint8Array[], args: readonly string[], extension: string): Buffer {
  const folder = mkdtempSync(join(tmpdir(), "agora-test-"));
  try {
    const files = inputs.flatMap((bytes, index) => {
      const path = join(folder, `input${index}`);
      writeFileSync(path, bytes);
      return ["-i", path];
    });
    const output = join(folder, `output.${extension}`);
    execFileSync("ffmpeg", ["-nostdin", "-v", "error", ...files, ...args, output]);
    return readFileSync(output);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The stream's bytes in pieces of `size`. */
export async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
}

/** Level in dB relative to a full-scale square wave. */
export function level(samples: Float32Array): number {
  return 10 * Math.log10(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
}

/** The highest normalised correlation of `b` with `a` over shifts of up to `reach` samples, and that shift. */
export function correlate(a: Float32Array, b: Float32Array, reach: number): { value: number; shift: number } {
  let best = { value: -1, shift: 0 };
  for (let shift = -reach; shift <= reach; shift++) {
    const start = Math.max(0, -shift);
    const end = Math.min(a.length, b.length - shift);
    let ab = 0;
    let aa = 0;
    let bb = 0;
    for (let i = start; i < end; i++) {
      const x = a[i]!;
      const y = b[i + shift]!;
      ab += x * y;
      aa += x * x;
      bb += y * y;
    }
    const value = ab / Math.sqrt(aa * bb);
    if (value > best.value) best = { value, shift };
  }
  return best;
}

/** Mulberry32: small, seeded, good enough to choose bytes. */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
