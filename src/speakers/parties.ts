import { TranscriptionError } from "../errors.js";
import type { AudioFormat, DecodedAudio } from "../types/audio.js";
import { BleedGate } from "./bleed.js";
import { type StereoKind, StereoProbe } from "./stereo.js";

/** Seconds of a recording that are kept until it is known how its channels belong together. */
const LONGEST_LOOK = 120;

/**
 * A recording of two channels as one track for each party, or as one track where the channels do not tell the parties
 * apart. That is decided by all of it: the two minutes that are looked at first are kept and given again, a longer
 * recording is read through by itself before. Where its bytes come once, the first two minutes decide, and a warning
 * says so at the end where the rest is otherwise.
 */
export class Parties implements DecodedAudio {
  readonly #audio: DecodedAudio;
  readonly #blocks: AsyncIterator<Float32Array[]>;
  readonly #seen: Float32Array[][];
  /** Still listens, where what is to come may tell otherwise. */
  readonly #probe: StereoProbe | undefined;
  readonly #warnings: string[] = [];
  readonly #bleed = new BleedGate();
  readonly kind: StereoKind | "mono";

  private constructor(
    audio: DecodedAudio,
    blocks: AsyncIterator<Float32Array[]>,
    seen: Float32Array[][],
    kind: StereoKind | "mono",
    probe?: StereoProbe,
  ) {
    this.#audio = audio;
    this.#blocks = blocks;
    this.#seen = seen;
    this.#probe = probe;
    this.kind = kind;
  }

  /** @param audio opened with `channels: "each"`, of one or two tracks @throws TranscriptionError */
  static async of(audio: DecodedAudio): Promise<Parties> {
    const blocks = audio.blocks();
    const seen: Float32Array[][] = [];
    if (audio.trackCount !== 2) return new Parties(audio, blocks, seen, "mono");
    const probe = new StereoProbe();
    while (audio.duration < LONGEST_LOOK) {
      const { value: block, done } = await blocks.next();
      if (done) return new Parties(audio, blocks, seen, probe.kind());
      seen.push(block);
      probe.push(block[0]!, block[1]!);
    }
    const kind = await kindOfAll(audio);
    if (kind) return new Parties(audio, blocks, seen, kind);
    return new Parties(audio, blocks, seen, probe.kind(), probe);
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
    return [...this.#audio.warnings, ...this.#warnings];
  }

  async *blocks(): AsyncGenerator<Float32Array[], void, undefined> {
    try {
      for (let block = this.#seen.shift(); block; block = this.#seen.shift()) yield* this.#tracks(block);
      for (;;) {
        const { value: block, done } = await this.#blocks.next();
        if (done) break;
        this.#probe?.push(block[0]!, block[1]!);
        yield* this.#tracks(block);
      }
      if (this.areApart) yield* nonEmpty(this.#bleed.flush());
      this.#tellOtherwise();
    } finally {
      await this.#blocks.return?.();
    }
  }

  close(): Promise<void> {
    return this.#audio.close();
  }

  *#tracks(block: Float32Array[]): Generator<Float32Array[]> {
    const [left, right] = block;
    if (!left || !right) return yield block;
    if (this.areApart) return yield* nonEmpty(this.#bleed.push(left, right));
    // Half of each, turned round where they would cancel; all of the only one there is, and of whatever joins it later.
    const scale = this.kind === "single" ? 1 : 0.5;
    const sign = this.kind === "opposite" ? -1 : 1;
    const mixed = new Float32Array(left.length);
    for (let i = 0; i < mixed.length; i++) mixed[i] = scale * (left[i]! + sign * right[i]!);
    yield [mixed];
  }

  #tellOtherwise(): void {
    const isApart = this.#probe?.kind() === "apart";
    if (!this.#probe || isApart === this.areApart) return;
    const way = isApart
      ? 'a party on each channel, but was heard as one: the option "channels" with "each" hears them apart'
      : 'one sound on both channels, but was heard as a party on each: the option "channels" with "mix" hears it as one';
    this.#warnings.push(
      `By its first ${LONGEST_LOOK / 60} minutes, all that could be looked at in a stream, the recording was judged; all of it has ${way}`,
    );
  }
}

function* nonEmpty(block: Float32Array[]): Generator<Float32Array[]> {
  if (block[0]!.length > 0) yield block;
}

/** How the channels of all of a recording belong together; undefined where it cannot be read apart. */
async function kindOfAll(audio: DecodedAudio): Promise<StereoKind | undefined> {
  let copy: DecodedAudio | undefined;
  try {
    copy = await audio.again?.();
    if (!copy) return undefined;
    const probe = new StereoProbe();
    for await (const [left, right] of copy.blocks()) probe.push(left!, right!);
    return probe.kind();
  } catch (error) {
    const known = TranscriptionError.from(error);
    if (known.code === "CANCELLED" || known.code === "DEADLINE_EXCEEDED") throw error;
    // It could be read a moment ago: what has become of it says nothing of the one that is open.
    return undefined;
  } finally {
    await copy?.close();
  }
}
