import { describe, expect, it, vi } from "vitest";
import wavefile from "wavefile";
import { ByteReader } from "../../../src/audio/byte-reader.js";
import {
  type BitDepth,
  bigEndian,
  chunk,
  concat,
  decode,
  ffmpeg,
  glide,
  int16,
  open,
  pieces,
  rawWav,
  sine,
  wav,
} from "../../support/audio.js";

const SECOND = glide(1, 16_000);

function largestDifference(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((largest, sample, i) => Math.max(largest, Math.abs(sample - b[i]!)), 0);
}

describe("plain WAV", () => {
  it.each<[BitDepth, string, number]>([
    ["8", "pcm_u8", 2 ** -7],
    ["16", "pcm_s16le", 2 ** -15],
    ["24", "pcm_s24le", 2 ** -22],
    ["32", "pcm_s32le", 2 ** -23],
    ["32f", "pcm_f32le", 0],
    ["64", "pcm_f64le", 0],
    ["8m", "pcm_mulaw", 0.025],
    ["8a", "pcm_alaw", 0.025],
  ])("reads %s-bit samples of an independent writer as %s", async (depth, codec, tolerance) => {
    const { tracks, format, duration, warnings } = await decode(wav([SECOND], 16_000, depth));
    expect(largestDifference(tracks[0]!, SECOND)).toBeLessThanOrEqual(tolerance);
    expect(format).toEqual({ container: "wav", codec, sampleRate: 16_000, channels: 1 });
    expect(duration).toBe(1);
    expect(warnings).toEqual([]);
  });

  it.each(["pcm_mulaw", "pcm_alaw"])("reads all 256 codes of %s as FFmpeg does", async (codec) => {
    const codes = Uint8Array.from({ length: 256 }, (_, i) => i);
    const tag = codec === "pcm_mulaw" ? 7 : 6;
    const file = rawWav({ tag, bits: 8 }, codes);
    const reference = ffmpeg([file], ["-f", "s16le"], "raw");
    const { tracks } = await decode(file);
    expect(Array.from(tracks[0]!, (sample) => sample * 2 ** 15 + 0)).toEqual(
      Array.from({ length: 256 }, (_, i) => reference.readInt16LE(2 * i)),
    );
  });

  it.each([
    ["pcm_s24le", 2],
    ["pcm_f32le", 6],
    ["pcm_s32le", 64],
  ])("reads WAVE_FORMAT_EXTENSIBLE with %s and %i channels", async (codec, channels) => {
    const source = wav(
      Array.from({ length: channels }, (_, i) => sine(100 + 10 * i, 0.2, 16_000)),
      16_000,
      "32f",
    );
    const file = ffmpeg([source], ["-c:a", codec], "wav");
    expect(file.readUInt16LE(20)).toBe(0xfffe);
    const { tracks, format } = await decode(file, { channels: "each" });
    expect(format).toEqual({ container: "wav", codec, sampleRate: 16_000, channels });
    expect(largestDifference(tracks[channels - 1]!, sine(90 + 10 * channels, 0.2, 16_000))).toBeLessThan(
      1e-6,
    );
  });

  it("reads 20-bit samples in 24-bit containers", async () => {
    const { tracks } = await decode(
      rawWav({ bits: 20, blockAlign: 3 }, Buffer.from([0, 0, 0x40, 0, 0, 0xc0])),
    );
    expect([...tracks[0]!]).toEqual([0.5, -0.5]);
  });

  it.each([0, 1, 159, 160, 161, 399, 400])("reads %i samples", async (count) => {
    const samples = SECOND.subarray(0, count);
    const { tracks, duration } = await decode(rawWav({}, int16(samples)));
    expect(tracks[0]!.length).toBe(count);
    expect(duration).toBe(count / 16_000);
  });

  it("skips chunks before the samples, also odd ones, and ignores those after them", async () => {
    const file = Buffer.concat([
      rawWav(
        {
          first: chunk("JUNK", Buffer.alloc(4093)),
          before: chunk("LIST", Buffer.from("INFOx")),
          riffSize: 1e6,
        },
        int16(SECOND),
      ),
      chunk("LIST", Buffer.alloc(1001, 0x55)),
    ]);
    const { tracks, warnings } = await decode(file);
    expect(tracks[0]!.length).toBe(16_000);
    expect(warnings).toEqual([]);
  });

  it.each(["RF64", "BW64"])("takes the size from ds64 in %s", async (id) => {
    const sizes = Buffer.alloc(28);
    sizes.writeBigUInt64LE(BigInt(SECOND.length * 2), 8);
    const fields = { id, riffSize: 0xffff_ffff, first: chunk("ds64", sizes), dataSize: 0xffff_ffff };
    const file = Buffer.concat([rawWav(fields, int16(SECOND)), chunk("LIST", Buffer.alloc(100, 0x55))]);
    const { tracks } = await decode(file);
    expect(tracks[0]!.length).toBe(16_000);
  });

  it.each([
    ["0xFFFFFFFF (FFmpeg)", 0xffff_ffff, 0xffff_ffff],
    ["0x7FFFF000 (SoX)", 0x7fff_f000, 0x7fff_f024],
    ["0x80000000 (arecord)", 0x8000_0000, 0x8000_0024],
    ["0 with no RIFF size", 0, 0],
    ["0 with an empty RIFF", 0, 36],
  ])("reads to the end when the data size is %s, without a warning", async (_, dataSize, riffSize) => {
    const file = rawWav({ dataSize, riffSize }, int16(SECOND));
    const { tracks, warnings } = await decode(pieces(file, 1000));
    expect(tracks[0]!.length).toBe(16_000);
    expect(warnings).toEqual([]);
  });

  it.each<[string, BitDepth]>([
    ["pcm_s16le", "16"],
    ["pcm_s24le", "24"],
    ["pcm_f32le", "32f"],
  ])("reads files of big-endian machines (RIFX): %s", async (codec, depth) => {
    const file = new wavefile.WaveFile();
    file.fromScratch(
      1,
      16_000,
      depth,
      [0.5, -0.25, 0].map((x) => (depth === "32f" ? x : x * 2 ** (Number(depth) - 1))),
      {
        container: "RIFX",
      },
    );
    const bytes = Buffer.from(file.toBuffer());
    for (const input of [bytes, pieces(bytes, 5)]) {
      const { tracks, format } = await decode(input);
      expect([...tracks[0]!]).toEqual([0.5, -0.25, 0]);
      expect(format.codec).toBe(codec);
    }
  });

  describe("of big-endian machines", () => {
    const samples = Float32Array.from({ length: 1000 }, (_, i) => Math.sin(i * i * 1e-4) / 2);
    const little = wav([samples], 16_000, "24");

    /** As written into a pipe. */
    const unknown = (bytes: Buffer) => {
      const size = bytes.indexOf("data") + 4;
      return Buffer.from(bytes)
        .fill(0xff, 4, 8)
        .fill(0xff, size, size + 4);
    };

    it("are read as those of the other order", async () => {
      for (const depth of ["8", "16", "24", "32", "32f", "64"] as const) {
        const file = wav([samples, samples.map((x) => -x / 3)], 16_000, depth);
        const [given, expected] = [
          await decode(bigEndian(file), { channels: "each" }),
          await decode(file, { channels: "each" }),
        ];
        expect(given.tracks).toEqual(expected.tracks);
        expect(given.format).toEqual(expected.format);
      }
    });

    it("are read where they were joined, also to files of the other order", async () => {
      const expected = (await decode(little)).tracks[0]!;
      for (const files of [
        [bigEndian(little), bigEndian(little)],
        [bigEndian(little), little],
        [little, bigEndian(little)],
        [unknown(little), bigEndian(little)],
        [unknown(bigEndian(little)), bigEndian(little)],
        [unknown(bigEndian(little)), little],
      ]) {
        const { tracks, warnings } = await decode(Buffer.concat(files));
        expect(tracks[0]).toEqual(concat([expected, expected]));
        expect(warnings).toEqual([]);
      }
    });

    it("take no more work for each, of however many by turns", async () => {
      const small = wav([samples], 16_000);
      const work = async (pairs: number) => {
        const peeks = vi.spyOn(ByteReader.prototype, "peek");
        const pair = Buffer.concat([small, bigEndian(small)]);
        const { tracks, warnings } = await decode(Buffer.concat(new Array(pairs).fill(pair)));
        const { length } = peeks.mock.calls;
        peeks.mockRestore();
        expect([tracks[0]!.length, warnings]).toEqual([2000 * pairs, []]);
        return length;
      };
      expect(await work(1000)).toBeLessThan(11 * (await work(100)));
    });

    it("lose nothing to a tag behind them", async () => {
      const expected = (await decode(little)).tracks[0]!;
      const tag = Buffer.concat([Buffer.from("ID3\x04\0\0\0\0\x07\x76", "latin1"), Buffer.alloc(1014, 0x55)]);
      for (const behind of [tag, Buffer.alloc(3000), Buffer.from("TAG".padEnd(128))]) {
        const { tracks } = await decode(Buffer.concat([bigEndian(little), behind]));
        expect(tracks[0]).toEqual(expected);
      }
    });

    it("are read behind an odd chunk without its pad byte, and behind a data size that is too small", async () => {
      const expected = (await decode(little)).tracks[0]!;
      const file = bigEndian(little);
      const odd = Buffer.from("LIST\0\0\0\x05INFO!", "latin1");
      const first = Buffer.concat([file.subarray(0, 12), odd, file.subarray(12)]);
      expect((await decode(first)).tracks[0]).toEqual(expected);
      const short = Buffer.from(file);
      short.writeUInt32BE(300, file.indexOf("data") + 4);
      const { tracks, warnings } = await decode(short);
      expect(tracks[0]).toEqual(expected);
      expect(warnings).toEqual([expect.stringContaining("samples go on behind that")]);
    });

    it("are refused by name where they hold something else", async () => {
      const file = bigEndian(little);
      file.write("MV93", 8);
      await expect(decode(file)).rejects.toThrow("a RIFX file");
    });
  });

  it("believes a data size of 0 when the RIFF goes on after it", async () => {
    const file = Buffer.concat([rawWav({ riffSize: 4096 }), chunk("LIST", Buffer.alloc(4000, 0x55))]);
    expect((await decode(file)).duration).toBe(0);
  });

  it("reads what is there of a cut file and warns", async () => {
    const { tracks, warnings } = await decode(
      rawWav({ dataSize: 64_000 }, int16(SECOND).subarray(0, 16_001)),
    );
    expect(tracks[0]!.length).toBe(8000);
    expect(warnings).toEqual(["The file is cut off: its header announces 2.00 s, 0.50 s are there"]);
  });

  it("turns NaN, infinite and absurd samples into silence and warns", async () => {
    const samples = Float32Array.of(0.5, Number.NaN, Number.POSITIVE_INFINITY, -Infinity, 1e30, -0.5);
    const data = Buffer.from(samples.buffer);
    const { tracks, warnings } = await decode(rawWav({ tag: 3, bits: 32 }, data));
    expect([...tracks[0]!]).toEqual([0.5, 0, 0, 0, 0, -0.5]);
    expect(warnings).toEqual(["4 samples were not finite numbers of sensible size and became silence"]);
  });

  it("gives the same samples whatever pieces a stream arrives in", async () => {
    const file = wav([SECOND, sine(440, 1, 16_000)], 16_000, "24");
    const [whole, ...streamed] = await Promise.all([
      decode(file),
      ...[1, 7, 1000, 65_537].map((size) => decode(pieces(file, size))),
    ]);
    for (const { tracks } of streamed) expect(tracks[0]).toEqual(whole!.tracks[0]);
  });

  it("hands a live stream's samples on before the stream goes on", async () => {
    const file = rawWav({ dataSize: 0xffff_ffff }, int16(SECOND));
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    async function* live() {
      yield file;
      await held;
    }
    const audio = await open(live());
    const blocks = audio.blocks();
    const first = await blocks.next();
    expect(first.value![0]!.length).toBe(16_000);
    release();
    expect((await blocks.next()).done).toBe(true);
  });

  it("announces the duration of a file and keeps blocks to a second", async () => {
    const long = concat([SECOND, SECOND, SECOND]);
    const { expectedDuration, longestBlock } = await decode(rawWav({}, int16(long)));
    expect(expectedDuration).toBe(3);
    expect(longestBlock).toBeLessThanOrEqual(16_000);
  });

  it.each(["adpcm_ms", "adpcm_ima_wav", "libmp3lame"])("leaves %s in WAV to FFmpeg", async (codec) => {
    const file = ffmpeg([wav([SECOND], 16_000)], ["-c:a", codec], "wav");
    for (const input of [file, pieces(file, 500)]) {
      const { duration, format } = await decode(input);
      expect(duration).toBeCloseTo(1, 0);
      expect(format.container).toBe("wav");
    }
  });
});
