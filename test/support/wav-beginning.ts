import { readFileSync } from "node:fs";

/** A WAV file with the first seconds of one of 16-bit samples at 16 kHz. */
export function beginningOf(path: string, seconds: number, channels = 1): Buffer {
  const bytes = Buffer.from(readFileSync(path).subarray(0, 44 + seconds * 16_000 * 2 * channels));
  bytes.writeUInt32LE(bytes.length - 8, 4);
  bytes.writeUInt32LE(bytes.length - 44, 40);
  return bytes;
}
