import { deflateSync } from "node:zlib";

/**
 * Size of the UTF-8 text divided by its size after zlib compression, as in openai-whisper's `compression_ratio`.
 * Ordinary speech stays below 2.4; text that repeats itself goes far above.
 */
export function compressionRatio(text: string): number {
  const bytes = Buffer.from(text, "utf8");
  return bytes.length / deflateSync(bytes).length;
}
