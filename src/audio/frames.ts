import type { ByteReader } from "./byte-reader.js";
import { PIECE_BYTES } from "./byte-source.js";
import { decodePcm, silenceInvalidSamples } from "./pcm.js";
import type { WavHeader } from "./wav-header.js";

/** Interleaved blocks of whole frames, each at most a second long. */
export type Frames = AsyncIterable<Float32Array>;

const FEWEST_FRAMES_PER_BLOCK = 1024;

/** Frames per block: small enough that no block keeps the JS thread for a millisecond, at most a second. */
export function framesPerBlock(frameBytes: number, sampleRate: number): number {
  return Math.min(sampleRate, Math.max(FEWEST_FRAMES_PER_BLOCK, Math.floor(PIECE_BYTES / frameBytes)));
}

/** The frames of a WAV file whose header has been read. What is missing or damaged becomes a warning. */
export async function* wavFrames(
  reader: ByteReader,
  header: WavHeader,
): Frames & AsyncGenerator<Float32Array> {
  const { codec, frameBytes, sampleRate } = header.format;
  const { warnings } = reader.task;
  const blockBytes = framesPerBlock(frameBytes, sampleRate) * frameBytes;
  let left = header.dataBytes ?? Number.POSITIVE_INFINITY;
  let received = 0;
  let invalid = 0;
  let partial: Uint8Array = new Uint8Array(0);
  while (left > 0) {
    reader.task.check();
    const bytes = await reader.readSome(Math.min(left, blockBytes - partial.byteLength));
    if (bytes.byteLength === 0) break;
    left -= bytes.byteLength;
    received += bytes.byteLength;
    const joined = partial.byteLength === 0 ? bytes : Buffer.concat([partial, bytes]);
    const whole = joined.byteLength - (joined.byteLength % frameBytes);
    partial = joined.subarray(whole);
    if (whole === 0) continue;
    const samples = decodePcm(codec!, joined.subarray(0, whole));
    invalid += silenceInvalidSamples(samples);
    yield samples;
  }
  if (header.dataBytes !== undefined && left > 0) {
    const seconds = (bytes: number) => (bytes / frameBytes / sampleRate).toFixed(2);
    warnings.push(
      `The file is cut off: its header announces ${seconds(header.dataBytes)} s, ${seconds(received)} s are there`,
    );
  }
  if (invalid > 0)
    warnings.push(`${invalid} samples were not finite numbers of sensible size and became silence`);
}
