import { describe, expect, it } from "vitest";
import { bigEndian, correlate, decode, ffmpeg, glide, pieces, random, wav } from "../../support/audio.js";

const SOURCE = glide(3, 16_000);
const WAV = wav([SOURCE], 16_000);
const ARGUMENTS: Record<string, string[]> = { webm: ["-c:a", "libopus"], ogg: ["-c:a", "libvorbis"] };
const made = new Map<string, Buffer>();

/** The source as a file of that kind. */
function part(extension: string): Buffer {
  if (extension === "wav") return WAV;
  if (extension === "rifx") return bigEndian(WAV);
  if (extension === "rifx-adpcm") return bigEndianAdpcm();
  if (!made.has(extension)) made.set(extension, ffmpeg([WAV], ARGUMENTS[extension] ?? [], extension));
  return made.get(extension)!;
}

/** The source as FFmpeg's WAV of IMA ADPCM, the numbers of its header turned round: such samples are bytes. */
function bigEndianAdpcm(): Buffer {
  const file = ffmpeg([WAV], ["-c:a", "adpcm_ima_wav", "-bitexact"], "wav");
  file.write("RIFX", 0, "latin1");
  file.subarray(4, 8).reverse();
  for (let at = 12; at < file.length; ) {
    const size = file.readUInt32LE(at + 4);
    file.subarray(at + 4, at + 8).reverse();
    const widths = file.toString("latin1", at, at + 4) === "fmt " ? [2, 2, 4, 4, 2, 2, 2, 2] : [];
    at += 8;
    let field = at;
    for (const width of widths) {
      file.subarray(field, field + width).reverse();
      field += width;
    }
    at += size + (size % 2);
  }
  return file;
}

/** Whether the source is heard `count` times, one after another. */
function expectEach(track: Float32Array, count: number): void {
  const excerpt = SOURCE.subarray(16_000, 32_000);
  for (let place = 0; place < count; place++) {
    const { value, shift } = correlate(excerpt, track.subarray((place * 3 + 1) * 16_000), 6000);
    expect(value).toBeGreaterThan(0.9);
    expect(Math.abs(shift)).toBeLessThan(0.3 * 16_000);
  }
}

describe("recordings of several formats joined byte by byte", () => {
  it.each([
    ["m4a", "mp3", "m4a"],
    ["mp3", "wav", "mp3"],
    ["wav", "flac", "wav"],
    ["webm", "m4a", "aac"],
    ["ogg", "opus", "flac"],
    ["flac", "wav", "mp3"],
    ["caf", "ac3", "aiff"],
    ["wav", "mp3", "ogg"],
    ["ogg", "rifx", "wav"],
    ["rifx", "ogg", "rifx"],
    ["rifx", "mp3", "rifx"],
    ["flac", "rifx", "rifx"],
    ["mp3", "rifx", "flac"],
    ["wav", "rifx", "m4a"],
    ["rifx-adpcm", "wav", "rifx-adpcm"],
    ["wav", "rifx-adpcm", "rifx"],
  ])("are all heard, without a warning: %s, %s, %s", async (...extensions) => {
    const file = Buffer.concat(extensions.map(part));
    for (const input of [file, pieces(file, 10_007)]) {
      const { tracks, warnings } = await decode(input);
      expect(warnings).toEqual([]);
      expectEach(tracks[0]!, 3);
    }
  });

  it.each(["wv", "opus", "caf"])("of one format give no warning: %s", async (extension) => {
    const { tracks, warnings } = await decode(Buffer.concat([part(extension), part(extension)]));
    expect(warnings).toEqual([]);
    expectEach(tracks[0]!, 2);
  });

  it("are heard when zeros lie between them", async () => {
    const zeros = Buffer.alloc(5000);
    const { tracks, warnings } = await decode(Buffer.concat([part("m4a"), zeros, part("mp3")]));
    expect(warnings).toEqual([]);
    expectEach(tracks[0]!, 2);
  });

  it("inside another one are its attachments", async () => {
    const free = Buffer.alloc(8);
    free.writeUInt32BE(8 + WAV.length);
    free.write("free", 4, "latin1");
    const { duration, warnings } = await decode(Buffer.concat([part("m4a"), free, WAV]));
    expect(duration).toBeCloseTo(3, 0);
    expect(warnings).toEqual([]);
  });

  it("of FLAC inside Ogg and Matroska are one", async () => {
    for (const extension of ["oga", "mkv"]) {
      const { duration, warnings } = await decode(ffmpeg([WAV], ["-c:a", "flac"], extension));
      expect(duration).toBeCloseTo(3, 1);
      expect(warnings).toEqual([]);
    }
  });
});

describe("bytes behind the end of a recording", () => {
  it.each(["m4a", "ogg", "caf", "mkv"])(
    "that are in no known format are a warning: %s",
    async (extension) => {
      const next = random(5);
      const junk = Buffer.from(Array.from({ length: 20_000 }, () => Math.floor(next() * 250)));
      const { duration, warnings } = await decode(Buffer.concat([part(extension), junk]));
      expect(duration).toBeCloseTo(3, 0);
      expect(warnings.join()).toMatch(/20000 bytes behind the end .* left out/);
    },
  );

  it.each(["opus", "caf", "w64"])("that are missing are a warning: %s", async (extension) => {
    const whole = part(extension);
    const { warnings } = await decode(whole.subarray(0, Math.round(whole.length * 0.6)));
    expect(warnings.join()).toMatch(/cut off: .* has \d+ bytes, \d+ are there/);
  });
});

describe("what stands before a recording", () => {
  it("is passed over where it is a tag", async () => {
    const tag = Buffer.concat([Buffer.from("ID3\x04\0\0\0\0\x07\x76", "latin1"), Buffer.alloc(1014)]);
    const { duration, warnings } = await decode(Buffer.concat([tag, part("flac")]));
    expect(duration).toBeCloseTo(3, 1);
    expect(warnings).toEqual([]);
  });

  it.each(["wav", "rifx", "rifx-adpcm"])("is a warning where it is anything else: %s", async (extension) => {
    const junk = Buffer.from("\x01\x02HTTP/1.1 200 OK\r\n\r\n".padEnd(500, "."));
    const { tracks, warnings } = await decode(Buffer.concat([junk, part(extension)]));
    expect(warnings).toEqual([expect.stringMatching(/first 500 bytes .* left out/)]);
    expectEach(tracks[0]!, 1);
  });

  it.each(["m4a", "flac", "ac3", "ts", "rifx"])("is a warning where it is zeros: %s", async (extension) => {
    const { tracks, warnings } = await decode(Buffer.concat([Buffer.alloc(3000), part(extension)]));
    expect(warnings).toEqual([expect.stringMatching(/first 3000 bytes .* left out/)]);
    expectEach(tracks[0]!, 1);
  });
});

describe("decoders that are allowed", () => {
  it.each([
    ["nut", "pcm_s16be_planar"],
    ["nut", "pcm_u16le"],
    ["rm", "real_144"],
  ])("read %s with %s", async (extension, codec) => {
    const file = ffmpeg([WAV], ["-c:a", codec, "-ar", "8000"], extension);
    expect(Math.abs((await decode(file)).duration - 3)).toBeLessThan(0.3);
  });
});
