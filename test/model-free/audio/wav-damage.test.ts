import { describe, expect, it } from "vitest";
import { ERROR_CODES } from "../../../src/errors.js";
import { chunk, decode, glide, int16, outcome, pieces, random, rawWav, wav } from "../../support/audio.js";

const SAMPLES = int16(glide(0.1, 16_000));

describe("damaged WAV", () => {
  it("says DECODE_FAILED wherever the header is cut", async () => {
    const list = chunk("LIST", Buffer.from("INFOISFT"));
    const file = rawWav({ before: list, first: chunk("JUNK", Buffer.alloc(28)) }, SAMPLES);
    const headerBytes = file.length - SAMPLES.length;
    const outcomes = await Promise.all(
      Array.from({ length: headerBytes + 1 }, (_, length) => outcome(decode(file.subarray(0, length)))),
    );
    expect(outcomes[0]).toBe("DECODE_FAILED");
    expect(outcomes.slice(1, 4)).toEqual(new Array(3).fill("UNSUPPORTED_FORMAT"));
    expect(outcomes.slice(4)).toEqual(new Array(headerBytes - 3).fill("DECODE_FAILED"));
  });

  it("says so as well when a stream is cut there", async () => {
    const file = rawWav({}, SAMPLES);
    for (const length of [4, 11, 12, 19, 20, 30, 36, 43, 44]) {
      expect(await outcome(decode(pieces(file.subarray(0, length), 3)))).toBe("DECODE_FAILED");
    }
  });

  it.each([
    [{ sampleRate: 0 }, "sample rate is 0 Hz"],
    [{ sampleRate: 1 }, "sample rate is 1 Hz"],
    [{ sampleRate: 4_000_000_000 }, "sample rate is 4000000000 Hz"],
    [{ channels: 0 }, "it has 0 channels"],
    [{ channels: 255 }, "it has 255 channels"],
    [{ fmtSize: 0 }, "the fmt chunk has 0 bytes"],
    [{ fmtSize: 14 }, "the fmt chunk has 14 bytes"],
    [{ blockAlign: 3 }, "block align is 3, expected 2"],
    [{ fmtSize: 0xffff_ffff }, "cut off"],
  ])("names what is wrong for %o", async (fields, message) => {
    await expect(decode(rawWav(fields, SAMPLES))).rejects.toMatchObject({
      name: "TranscriptionError",
      code: "DECODE_FAILED",
      message: expect.stringContaining(message),
    });
  });

  it("wants the fmt chunk before the samples", async () => {
    const file = Buffer.concat([Buffer.from("RIFF\0\0\0\0WAVE"), chunk("data", SAMPLES)]);
    await expect(decode(file)).rejects.toMatchObject({ code: "DECODE_FAILED" });
  });

  it.each([
    ["an unknown codec", { tag: 0x1234 }],
    ["float of 16 bits", { tag: 3, bits: 16 }],
    ["PCM of 0 bits whose sizes tell nothing", { bits: 0 }],
    ["samples of a codec without a name and of 32 bits, which may be either kind", { tag: 0, bits: 32 }],
  ])("refuses %s", async (_, fields) => {
    expect(["DECODE_FAILED", "UNSUPPORTED_FORMAT"]).toContain(await outcome(decode(rawWav(fields, SAMPLES))));
  });

  it.each([
    ["no format tag", { tag: 0 }, /its format tag is 0/],
    ["an extensible header without extension", { tag: 0xfffe }, /its fmt chunk has 16 bytes, expected 40/],
    [
      "bits that only block align tells",
      { bits: 0, blockAlign: 2 },
      /samples of 0 bits; they were read as 16 bits/,
    ],
  ])("reads %s, with a warning", async (_, fields, warning) => {
    const { duration, warnings } = await decode(rawWav(fields, SAMPLES));
    expect(duration).toBeCloseTo(0.1, 3);
    expect(warnings).toEqual([expect.stringMatching(warning)]);
  });

  it("reads what lies behind a data size of 0, with a warning", async () => {
    const { duration, warnings } = await decode(rawWav({ dataSize: 0 }, SAMPLES));
    expect(duration).toBeCloseTo(0.1, 3);
    expect(warnings).toEqual([expect.stringMatching(/announces 0\.00 s, but .* 3200 bytes more were read/)]);
  });

  it("reads samples that lie in a list", async () => {
    const file = rawWav({}, SAMPLES);
    const list = Buffer.from("LIST\0\0\0\0wavl", "latin1");
    list.writeUInt32LE(4 + 8 + SAMPLES.length, 4);
    const { duration, warnings } = await decode(
      Buffer.concat([file.subarray(0, 36), list, chunk("data", SAMPLES)]),
    );
    expect(duration).toBeCloseTo(0.1, 3);
    expect(warnings).toEqual([]);
  });

  it("passes over a tag of MP3 behind the samples", async () => {
    const tag = Buffer.concat([Buffer.from("ID3\x04\0\0\0\0\x07\x76", "latin1"), Buffer.alloc(1014)]);
    const { duration, warnings } = await decode(Buffer.concat([rawWav({}, SAMPLES), tag]));
    expect(duration).toBeCloseTo(0.1, 3);
    expect(warnings).toEqual([]);
  });

  it.each(["ACON", "WEBP"])("refuses RIFF of kind %s", async (kind) => {
    const file = rawWav({}, SAMPLES);
    file.write(kind, 8);
    expect(await outcome(decode(file))).toBe("UNSUPPORTED_FORMAT");
  });

  it("survives any byte of the header being wrong", async () => {
    const next = random(20_240_601);
    const original = wav([glide(0.05, 16_000)], 16_000, "24");
    for (let round = 0; round < 300; round++) {
      const file = Buffer.from(original);
      for (let changes = 1 + Math.floor(next() * 4); changes > 0; changes--) {
        const value = next() < 0.5 ? Math.floor(next() * 256) : next() < 0.5 ? 0 : 255;
        // The format tag alone decides about FFmpeg, whose own robustness is tested elsewhere.
        const position = Math.floor(next() * 44);
        if (position !== 20 && position !== 21 && position !== 34 && position !== 35) file[position] = value;
      }
      const result = await outcome(decode(next() < 0.5 ? file : pieces(file, 1 + Math.floor(next() * 100))));
      expect(["ok", ...ERROR_CODES.filter((code) => code !== "INTERNAL")]).toContain(result);
    }
  });

  it.each(["BW64", "RIFF", "levl"])("is soon through samples that are nothing but %s", async (name) => {
    // Unknown sizes, so that the end of the samples is looked for.
    const unknown = { dataSize: 0xffff_ffff, riffSize: 0xffff_ffff };
    const file = rawWav(unknown, Buffer.alloc(4 * 1024 ** 2, `${name}\x10\0\0\0`, "latin1"));
    const started = process.cpuUsage();
    await decode(file);
    // Processor time, so that a busy machine decides nothing; a pass for each name takes minutes.
    expect(process.cpuUsage(started).user / 1e6).toBeLessThan(15);
  });

  it("finds the end of samples of unknown size wherever blocks of a stream end", async () => {
    const list = chunk("LIST", Buffer.from("INFOISFT\x04\0\0\0test", "latin1"));
    const unknown = { dataSize: 0xffff_ffff, riffSize: 0xffff_ffff };
    const file = Buffer.concat([rawWav(unknown, SAMPLES), list]);
    for (const size of [1, 2, 3, 7, 44, 45, 1000, file.length]) {
      const { tracks } = await decode(pieces(file, size));
      expect(tracks[0]!.length).toBe(SAMPLES.length / 2);
    }
  });
});
