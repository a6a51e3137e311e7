import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ByteReader } from "../../../src/audio/byte-reader.js";
import { DecodeTask } from "../../../src/audio/decode-task.js";
import { DEFAULT_AUDIO_LIMITS } from "../../../src/config/limits.js";
import { random } from "../../support/audio.js";

const next = random(3);
const BYTES = Uint8Array.from({ length: 60_000 }, () => Math.floor(256 * next()));

/** @param sizes of the chunks that the bytes come in, in turn */
function readerOf(bytes: Uint8Array, ...sizes: number[]): ByteReader {
  let position = 0;
  let chunk = 0;
  const source = {
    size: undefined,
    next: async () => {
      if (position >= bytes.length) return undefined;
      const size = sizes[chunk++ % sizes.length]!;
      position += size;
      return bytes.slice(position - size, position);
    },
  };
  return new ByteReader(source, new DecodeTask("test", DEFAULT_AUDIO_LIMITS));
}

describe("a reader of bytes", () => {
  it.each([[[1]], [[7, 1, 300]], [[5000]], [[100_000]]])(
    "gives what comes in chunks of %j",
    async (sizes) => {
      const reader = readerOf(BYTES, ...sizes);
      const peeked = await reader.peek(1000);
      const read: number[] = [];
      for (let count = 1; read.length < BYTES.length; count = (count * 7) % 1013) {
        const ahead = await reader.peek(3 * count);
        const bytes = await reader.read(count);
        expect(ahead.subarray(0, count)).toEqual(bytes);
        read.push(...bytes);
      }
      expect(Uint8Array.from(read)).toEqual(BYTES);
      expect((await reader.read(1)).byteLength).toBe(0);
      // What was given out stays as it was.
      expect(Uint8Array.from(peeked)).toEqual(BYTES.subarray(0, 1000));
    },
  );

  it("goes back to where it was held", async () => {
    const reader = readerOf(BYTES, 13);
    await reader.read(100);
    reader.hold();
    await reader.read(20_000);
    reader.rewind();
    expect(reader.position).toBe(100);
    expect(Uint8Array.from(await reader.read(40_000))).toEqual(BYTES.subarray(100, 40_100));
  });
});

describe("the work of a reader", () => {
  let copied = 0;
  beforeEach(() => {
    copied = 0;
    const { set } = Uint8Array.prototype;
    vi.spyOn(Uint8Array.prototype, "set").mockImplementation(function (this: Uint8Array, bytes, offset) {
      copied += bytes.length;
      set.call(this, bytes, offset);
    });
    const { concat } = Buffer;
    vi.spyOn(Buffer, "concat").mockImplementation((parts, length) => {
      const joined = concat(parts, length);
      copied += joined.byteLength;
      return joined as Buffer<ArrayBuffer>;
    });
  });
  afterEach(() => vi.restoreAllMocks());

  it("grows with the bytes, not with their square, however small the chunks are", async () => {
    const reader = readerOf(BYTES, 2);
    await reader.peek(BYTES.length);
    expect(copied).toBeLessThan(5 * BYTES.length);
  });

  it("grows with the bytes where much is held while little is read", async () => {
    const reader = readerOf(BYTES, 50);
    for (let read = 0; read < BYTES.length; read += 10) {
      await reader.peek(20_000);
      await reader.read(10);
    }
    expect(copied).toBeLessThan(8 * BYTES.length);
  });
});
