import { seededRandom } from "../support/random.js";

/** Sizes and counts where arithmetic goes wrong. */
const NUMBERS = [
  ...[0n, 1n, 2n, 0x7fn, 0x80n, 0xffn, 0x7fffn, 0x8000n, 0xffffn, 0x7fff_ffffn, 0x8000_0000n, 0xffff_ffffn],
  ...[0x1_0000_0000n, 0x7fff_ffff_ffff_ffffn, 0x8000_0000_0000_0000n, 0xffff_ffff_ffff_ffffn],
];
const MOST_CHANGES = 8;
/** Longest run of bytes that is left out, doubled or moved. */
const PIECE = 256;
const MOST_REPETITIONS = 20_000;
/** Files do not grow beyond this. */
const MOST_BYTES = 512 * 1024;

/** Changes files as damage and forgery do. The same numbers make the same changes, on every machine. */
export class Mutator {
  readonly #random: () => number;

  /** @param stream tells readers apart */
  constructor(seed: number, stream: string, run: number) {
    let state = 2166136261;
    for (const byte of Buffer.from(`${seed}/${stream}/${run}`)) state = Math.imul(state ^ byte, 16777619);
    this.#random = seededRandom(state);
  }

  /** A whole number below `count`. */
  below(count: number): number {
    return Math.floor(this.#random() * count);
  }

  one<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  /**
   * One to eight changes of one of `seeds`.
   * @param words what the format's readers look for
   */
  mutated(seeds: readonly Uint8Array[], words: readonly (string | Uint8Array)[] = []): Buffer {
    let bytes: Buffer = Buffer.from(this.one(seeds));
    let changes = 1;
    while (changes < MOST_CHANGES && this.below(2) === 0) changes++;
    for (let i = 0; i < changes; i++) {
      bytes = this.#changed(bytes, seeds, words);
      if (bytes.length > MOST_BYTES) bytes = bytes.subarray(0, MOST_BYTES);
    }
    return bytes;
  }

  /** Anywhere, but mostly near the ends, where formats have their structure. */
  #place(bytes: Uint8Array): number {
    const { length } = bytes;
    const near = Math.min(length, 2 ** (3 + this.below(9)));
    const at = [this.below(near), this.below(length), length - 1 - this.below(near), this.below(near)];
    return Math.max(0, this.one(at));
  }

  #changed(bytes: Buffer, seeds: readonly Uint8Array[], words: readonly (string | Uint8Array)[]): Buffer {
    if (bytes.length === 0) return Buffer.from(this.one(seeds));
    const at = this.#place(bytes);
    const piece = 1 + this.below(this.below(4) === 0 ? PIECE : 8);
    const before = bytes.subarray(0, at);
    switch (this.below(12)) {
      case 0:
        bytes[at]! ^= 1 << this.below(8);
        return bytes;
      case 1:
        bytes[at] = this.below(256);
        return bytes;
      case 2:
      case 3:
        return this.#overwritten(bytes, at);
      case 4:
        return before; // cut off
      case 5:
        return Buffer.concat([before, bytes.subarray(at + piece)]); // left out
      case 6:
        return Buffer.concat([before, bytes.subarray(at, at + piece), bytes.subarray(at)]); // there twice
      case 7: {
        // Again and again.
        const count = 2 ** (1 + this.below(Math.log2(MOST_REPETITIONS)));
        const unit =
          words.length > 0 && this.below(2) === 0 ? word(this.one(words)) : bytes.subarray(at, at + 4);
        const times = Math.min(count, Math.floor(MOST_BYTES / Math.max(1, unit.length)));
        return Buffer.concat([
          before,
          ...new Array<Buffer>(times).fill(Buffer.from(unit)),
          bytes.subarray(at),
        ]);
      }
      case 8: {
        // Something else of the file in its place.
        const from = this.#place(bytes);
        bytes.copyWithin(at, from, from + piece);
        return bytes;
      }
      case 9: {
        // The rest of another file.
        const other = Buffer.from(this.one(seeds));
        return Buffer.concat([before, other.subarray(this.#place(other))]);
      }
      case 10: {
        const added = words.length > 0 ? word(this.one(words)) : this.#noise(piece);
        const left = this.below(2) === 0 ? added.length : 0;
        return Buffer.concat([before, added, bytes.subarray(at + left)]);
      }
      default:
        this.#noise(piece).copy(bytes, at);
        return bytes;
    }
  }

  /** A number of one to eight bytes, of either order. */
  #overwritten(bytes: Buffer, at: number): Buffer {
    const width = Math.min(2 ** this.below(4), bytes.length - at);
    const field = bytes.subarray(at, at + width);
    const little = this.below(2) === 0;
    const ordered = little ? [...field].reverse() : [...field];
    let was = 0n;
    for (const byte of ordered) was = (was << 8n) | BigInt(byte);
    const value = [
      was + BigInt(this.below(9) - 4),
      BigInt(bytes.length - 8 + this.below(16)),
      was << BigInt(this.below(8)),
      1n << BigInt(this.below(64)),
      this.one(NUMBERS),
      this.one(NUMBERS),
    ][this.below(6)]!;
    for (let i = 0; i < width; i++) {
      field[little ? i : width - 1 - i] = Number(BigInt.asUintN(64, value) >> BigInt(8 * i)) & 255;
    }
    return bytes;
  }

  #noise(length: number): Buffer {
    return Buffer.from(Uint8Array.from({ length }, () => this.below(256)));
  }
}

function word(value: string | Uint8Array): Buffer {
  return typeof value === "string" ? Buffer.from(value, "latin1") : Buffer.from(value);
}
