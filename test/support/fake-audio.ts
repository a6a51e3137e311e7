import type { AudioFormat, DecodedAudio } from "../../src/types/audio.js";

const BLOCK = 16_000;

/** A decoded recording from samples, one array per track, that notes how far it was read and whether it was closed. */
export class FakeAudio implements DecodedAudio {
  readonly format: AudioFormat;
  readonly warnings: string[] = [];
  expectedDuration: number | undefined;
  closed = 0;
  #read = 0;

  /** @param beforeBlock settles, or fails, before each block is handed out; gets the block's index */
  constructor(
    readonly tracks: readonly Float32Array[],
    readonly beforeBlock: (index: number) => Promise<void> | void = () => {},
  ) {
    this.format = { container: "raw", channels: tracks.length };
  }

  get trackCount(): number {
    return this.tracks.length;
  }

  get duration(): number {
    return this.#read / 16_000;
  }

  async *blocks(): AsyncIterableIterator<Float32Array[]> {
    const length = this.tracks[0]?.length ?? 0;
    for (let start = 0; start < length; start += BLOCK) {
      await this.beforeBlock(start / BLOCK);
      this.#read = Math.min(start + BLOCK, length);
      yield this.tracks.map((track) => track.slice(start, start + BLOCK));
    }
  }

  async close(): Promise<void> {
    this.closed += 1;
  }
}
