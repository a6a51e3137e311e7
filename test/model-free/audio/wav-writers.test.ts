import { describe, expect, it } from "vitest";
import {
  chunk,
  concat,
  decode,
  ffmpeg,
  glide,
  int16,
  pieces,
  rawWav,
  sine,
  wav,
} from "../../support/audio.js";

/** What writers of WAV get wrong, with the samples that are right all the same. */

const SOURCE = glide(1, 16_000);
const DATA = int16(SOURCE);
const EXPECTED = await decode(rawWav({}, DATA));

/** The same whether the file is there as a whole or streamed in. */
async function expectSource(file: Buffer, warnings: unknown[] = []) {
  for (const input of [file, pieces(file, 1000)]) {
    const decoded = await decode(input);
    expect(decoded.duration).toBe(1);
    expect(decoded.tracks[0]).toEqual(EXPECTED.tracks[0]);
    expect(decoded.warnings).toEqual(warnings);
  }
}

const withoutPad = (id: string, length: number) =>
  chunk(id, Buffer.alloc(length, 0x33)).subarray(0, 8 + length);

describe("chunks before the samples", () => {
  it("may be many", () =>
    expectSource(rawWav({ before: Buffer.concat(Array(3000).fill(chunk("mark", Buffer.alloc(4)))) }, DATA)));

  it("may be large", () => expectSource(rawWav({ first: chunk("JUNK", Buffer.alloc(3 * 2 ** 20)) }, DATA)));

  it.each([
    ["before the format", { first: withoutPad("JUNK", 29) }],
    ["after the format", { before: withoutPad("LIST", 37) }],
  ])("may be odd without a pad byte: %s", (_, fields) => expectSource(rawWav(fields, DATA)));
});

describe("sizes", () => {
  it("that cover a part of the samples are not believed", async () => {
    for (const dataSize of [2, 1000, 16_000]) {
      await expectSource(rawWav({ dataSize, riffSize: dataSize + 36 }, DATA), [
        expect.stringMatching(new RegExp(`${DATA.length - dataSize} bytes more were read, 1.00 s in all`)),
      ]);
    }
  });

  it.each(["LIST", "iXML", "bext", "id3 "])(
    "that are open do not make samples of a %s chunk behind them",
    (id) =>
      expectSource(
        Buffer.concat([rawWav({ dataSize: 0xffff_ffff }, DATA), chunk(id, Buffer.alloc(32_000, 0x41))]),
      ),
  );

  it("that are open leave samples alone that spell the name of a chunk", async () => {
    const data = Buffer.from(DATA);
    data.write("LIST", 5000, "latin1");
    const { duration } = await decode(rawWav({ dataSize: 0xffff_ffff }, data));
    expect(duration).toBe(1);
  });

  it("may leave zeros behind the samples", async () => {
    const { duration, warnings } = await decode(Buffer.concat([rawWav({}, DATA), Buffer.alloc(2000)]));
    expect(duration).toBe(1);
    expect(warnings).toEqual(["2000 zero bytes behind the samples were left out"]);
  });
});

describe("a format that contradicts itself", () => {
  it.each([0, 16])("block align %i for 16 bits: the byte rate decides", (blockAlign) => {
    const file = rawWav({ blockAlign }, DATA);
    file.writeUInt32LE(32_000, 28);
    return expectSource(file, [expect.stringContaining(`block align is ${blockAlign}, expected 2`)]);
  });

  it.each([
    ["right", 1],
    ["left", 256],
  ])("24 bits in four bytes, at the %s end", async (_, factor) => {
    const data = Buffer.alloc(4 * SOURCE.length);
    SOURCE.forEach((sample, i) => {
      data.writeInt32LE(Math.round(sample * 32_767) * 256 * factor, 4 * i);
    });
    for (const byteRate of [64_000, 48_000]) {
      const file = rawWav({ bits: 24, blockAlign: 4 }, data);
      file.writeUInt32LE(byteRate, 28);
      await expectSource(file);
    }
  });

  it.each(["0000000000000000000000000000", "ffffffffffffffffffffffffffff"])(
    "an extensible subtype that ends in %s",
    (tail) => {
      const file = rawWav({ tag: 0xfffe, fmtSize: 40 }, DATA);
      file.writeUInt16LE(1, 20 + 24);
      file.write(tail, 20 + 26, "hex");
      return expectSource(file, [expect.stringContaining(tail)]);
    },
  );
});

describe("WAV files joined byte by byte", () => {
  it("are all heard, whatever their rates and channels", async () => {
    const tone = (seconds: number, rate: number) => sine(400, seconds, rate);
    const files = [
      wav([SOURCE], 16_000),
      wav([tone(0.5, 8000)], 8000),
      wav([tone(0.5, 48_000), tone(0.5, 48_000)], 48_000, "24"),
    ];
    for (const input of [Buffer.concat(files), pieces(Buffer.concat(files), 777)]) {
      const { duration, tracks, warnings } = await decode(input);
      expect(duration).toBeCloseTo(2, 3);
      expect(warnings).toEqual([]);
      expect(tracks[0]!.slice(0, 16_000)).toEqual((await decode(files[0]!)).tracks[0]);
      const loud = tracks[0]!.subarray(16_000);
      expect(Math.max(...loud)).toBeLessThan(0.55);
    }
  });

  it("may be compressed later on", async () => {
    const adpcm = ffmpeg([wav([SOURCE], 16_000)], ["-c:a", "adpcm_ms"], "wav");
    const { duration } = await decode(Buffer.concat([wav([SOURCE], 16_000), adpcm]));
    expect(duration).toBeCloseTo(2, 0);
  });
});

describe("channels of opposite phase", () => {
  const negative = (samples: Float32Array) => samples.map((sample) => -sample);

  it.each([8000, 16_000, 44_100])("do not cancel each other at %i Hz", async (rate) => {
    const voice = glide(1, rate);
    const alone = await decode(wav([voice], rate, "32f"));
    const { tracks, warnings } = await decode(wav([voice, negative(voice)], rate, "32f"));
    expect(Math.max(...tracks[0]!.map((x, i) => Math.abs(x - alone.tracks[0]![i]!)))).toBeLessThan(1e-6);
    expect(warnings).toEqual([
      expect.stringMatching(/opposite phase.*in 1\.0 of 1\.0 s.*channel 1 was turned/),
    ]);
  });

  it("are found in a second of a long call", async () => {
    const voice = glide(6, 16_000);
    const right = voice.map((sample, i) => (i >= 48_000 && i < 64_000 ? -sample : sample));
    const { tracks, warnings } = await decode(wav([voice, right], 16_000, "32f"));
    expect(Math.max(...tracks[0]!.map((x, i) => Math.abs(x - voice[i]!)))).toBeLessThan(0.9);
    const middle = tracks[0]!.subarray(49_000, 63_000);
    expect(middle).toEqual(voice.subarray(49_000, 63_000));
    expect(warnings).toEqual([expect.stringMatching(/in 1\.0 of 6\.0 s, first at 3\.0 s/)]);
  });

  it("stay a plain mean where two people speak", async () => {
    const [left, right] = [glide(3, 16_000), concat([glide(2, 16_000, 333), new Float32Array(16_000)])];
    const { tracks, warnings } = await decode(wav([left, right], 16_000, "32f"));
    expect(tracks[0]).toEqual(left.map((sample, i) => (sample + right[i]!) / 2));
    expect(warnings).toEqual([]);
  });
});
