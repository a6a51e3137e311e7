import { PIECE_BYTES } from "./byte-source.js";

/** Interleaved blocks of whole frames, each at most a second long. */
export type Frames = AsyncIterable<Float32Array>;

const FEWEST_FRAMES_PER_BLOCK = 1024;

/** Frames per block: small enough that no block keeps the JS thread for a millisecond, at most a second. */
export function framesPerBlock(frameBytes: number, sampleRate: number): number {
  return Math.min(sampleRate, Math.max(FEWEST_FRAMES_PER_BLOCK, Math.floor(PIECE_BYTES / frameBytes)));
}
