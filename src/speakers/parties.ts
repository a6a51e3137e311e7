import type { AudioFormat, DecodedAudio } from "../types/audio.js";
import { muteBleed } from "./bleed.js";
import { type StereoKind, StereoProbe } from "./stereo.js";

/** Seconds of a recording that are looked at before it is known how its channels belong together. */
const LONGEST_LOOK = 120;

/**
 * A recording of two channels as one track for each party, or as one track where the channels do not tell the parties
 * apart. What was looked at to decide is kept and given again.
 */
export class Parties implements DecodedAudio {
  readonly #audio: DecodedAudio;
  readonly #blocks: AsyncIterator<Float32Array[]>;
  readonly #seen: Float32Array[][];
  readonly kind: StereoKind | "mono";

  private constructor(
    audio: DecodedAudio,
    blocks: AsyncIterator<Float32Array[]>,
    seen: Float32Array[][],
    kind: StereoKind | "mono",
  ) {
    this.#audio = audio;
    this.#blocks = blocks;
    this.#seen = seen;
    this.kind = kind;
  }

  /** @param audio opened with `channels: "each"`, of one or two tracks @throws TranscriptionError */
  static async of(audio: DecodedAudio): Promise<Parties> {
    const blocks = audio.blocks();
    const seen: Float32Array[][] = [];
    if (audio.trackCount !== 2) return new Parties(audio, blocks, seen, "mono");
    const probe = new StereoProbe();
    while (!probe.isSure && audio.duration < LONGEST_LOOK) {
      const { value: block, done } = await blocks.next();
      if (done) break;
      seen.push(block);
      probe.push(block[0]!, block[1]!);
    }
    return new Parties(audio, blocks, seen, probe.kind());
  }

  /** Whether every party has a track of its own. */
  get areApart(): boolean {
    return this.kind === "apart";
  }

  get trackCount(): number {
    return this.areApart ? 2 : 1;
  }

  get format(): AudioFormat {
    return this.#audio.format;
  }

  get expectedDuration(): number | undefined {
    return this.#audio.expectedDuration;
  }

  get duration(): number {
    return this.#audio.duration;
  }

  get warnings(): readonly string[] {
    return this.#audio.warnings;
  }

  async *blocks(): AsyncGenerator<Float32Array[], void, undefined> {
    try {
      for (let block = this.#seen.shift(); block; block = this.#seen.shift()) yield this.#tracks(block);
      for (;;) {
        const { value: block, done } = await this.#blocks.next();
        if (done) return;
        yield this.#tracks(block);
      }
    } finally {
      await this.#blocks.return?.();
    }
  }

  close(): Promise<void> {
    return this.#audio.close();
  }

  #tracks(block: Float32Array[]): Float32Array[] {
    const [left, right] = block;
    if (!left || !right) return block;
    if (this.areApart) {
      muteBleed(left, right);
      return block;
    }
    // Half of each, turned round where they would cancel; all of the only one there is, and of whatever joins it later.
    const scale = this.kind === "single" ? 1 : 0.5;
    const sign = this.kind === "opposite" ? -1 : 1;
    const mixed = new Float32Array(left.length);
    for (let i = 0; i < mixed.length; i++) mixed[i] = scale * (left[i]! + sign * right[i]!);
    return [mixed];
  }
}
