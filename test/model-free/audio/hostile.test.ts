import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import {
  concat,
  correlate,
  decode,
  ffmpeg,
  glide,
  int16,
  outcome,
  pieces,
  random,
  sine,
  wav,
} from "../../support/audio.js";

const SOURCE = glide(2, 16_000);
const WAV = wav([SOURCE], 16_000);

const noise = (bytes: number, seed: number) => {
  const next = random(seed);
  return Buffer.from(Uint8Array.from({ length: bytes }, () => Math.floor(next() * 256)));
};

describe("what is no audio", () => {
  it.each<[string, Buffer | string]>([
    [
      "an m3u8 playlist",
      "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
    ],
    ["a pls playlist", "[playlist]\nFile1=/etc/passwd\n"],
    ["an FFmpeg concat script", "ffconcat version 1.0\nfile '/etc/passwd'\n"],
    ["an SDP description", "v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n"],
    ["SVG", '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>'],
    ["HTML", "<!DOCTYPE html><title>Not found</title>"],
    ["JSON", '{"error": "not found"}'],
    ["text with the mark of MP4 in its place", "the free market, the wide sea"],
    ["text with the mark of AIFF in its place", "that is AIFF, they say"],
    ["Russian text", "Здравствуйте! ".repeat(1000)],
    ["UTF-16 text", Buffer.from("\ufeff#EXTM3U", "utf16le")],
    ["ZIP", Buffer.from("PK\x03\x04\x14\0\0\0\x08\0", "latin1")],
    ["gzip of a WAV", gzipSync(WAV)],
    ["PDF", Buffer.from("%PDF-1.7\n%\xe2\xe3\n", "latin1")],
    ["ELF", Buffer.from("\x7fELF\x02\x01\x01\0\0\0", "latin1")],
    ["PNG", Buffer.from("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "latin1")],
    ["JPEG", Buffer.from("\xff\xd8\xff\xe0\0\x10JFIF", "latin1")],
    [
      "a tar archive of a WAV",
      Buffer.concat([Buffer.from("a.wav".padEnd(257, "\0")), Buffer.from("ustar"), Buffer.alloc(250), WAV]),
    ],
    ["HEIC", Buffer.from("\0\0\0\x18ftypheic\0\0\0\0mif1heic", "latin1")],
    ["TIFF", Buffer.from("II*\0\x08\0\0\0", "latin1")],
    ["a Word document", Buffer.from("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "latin1")],
    ["a model", Buffer.from("lmgg\x99\xca\0\0", "latin1")],
    ["plain samples of 16 bits", int16(sine(50, 20, 16_000, 0.02))],
    ["noise", noise(200_000, 1)],
    ["zeros", Buffer.alloc(100_000)],
    ["one byte", Buffer.from([0xff])],
    ["an ID3 tag before text", Buffer.from(`ID3\x04\0\0\0\0\0\x0a${"\0".repeat(10)}#EXTM3U\n`, "latin1")],
  ])("is refused: %s", async (_, content) => {
    const bytes = Buffer.from(content as string);
    expect(await outcome(decode(bytes))).toBe("UNSUPPORTED_FORMAT");
    expect(await outcome(decode(pieces(bytes, 999)))).toBe("UNSUPPORTED_FORMAT");
  });

  it("names the kind", async () => {
    await expect(decode(Buffer.from("#EXTM3U\n"))).rejects.toThrow(/it is a playlist, not audio/);
    await expect(decode(Buffer.from("PK\x03\x04\0\0", "latin1"))).rejects.toThrow(
      /it is a ZIP archive, not audio/,
    );
  });

  it.each([
    ["opus", /its beginning is missing, without which Ogg cannot be decoded/],
    ["mka", /its beginning is missing, without which Matroska or WebM cannot be decoded/],
    ["wv", /its beginning is missing, without which WavPack cannot be decoded/],
  ])("includes the middle of a recording, and says so: %s", async (extension, reason) => {
    const file = ffmpeg([wav([glide(30, 16_000)], 16_000)], [], extension);
    await expect(decode(file.subarray(Math.round(file.length / 6)))).rejects.toMatchObject({
      code: "DECODE_FAILED",
      message: expect.stringMatching(reason),
    });
  });

  it.each([
    ["an HTTP header", "HTTP/1.1 200 OK\r\nContent-Type: audio/wav\r\n\r\n"],
    ["the head of a form", '--boundary\r\nContent-Disposition: form-data; name="file"\r\n\r\n'],
    ["a byte order mark", "\ufeff"],
  ])("is left out before a recording, with a warning: %s", async (_, text) => {
    const prefix = Buffer.from(text);
    for (const file of [WAV, ffmpeg([WAV], [], "flac")]) {
      const { duration, warnings } = await decode(Buffer.concat([prefix, file]));
      expect(duration).toBeCloseTo(2, 2);
      expect(warnings).toEqual([
        expect.stringContaining(`The first ${prefix.length} bytes are no recording`),
      ]);
    }
  });

  it("is refused at its first bytes, however much follows", async () => {
    let sent = 0;
    async function* endless() {
      for (;;) {
        sent++;
        yield Buffer.alloc(65_536, "text ");
      }
    }
    expect(await outcome(decode(endless()))).toBe("UNSUPPORTED_FORMAT");
    expect(sent).toBeLessThan(4);
  });

  it("includes video without sound", async () => {
    const video = ffmpeg([], ["-f", "lavfi", "-t", "1", "-i", "color=s=32x32", "-c:v", "mpeg4"], "mp4");
    await expect(decode(video)).rejects.toMatchObject({
      code: "UNSUPPORTED_FORMAT",
      message: "Cannot decode the given bytes: there is no audio in it",
    });
  });

  it("never makes FFmpeg open another file or connection", async () => {
    let requests = 0;
    const server = createServer((_, response) => {
      requests++;
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/a.ts`;
    try {
      const playlist = `#EXTM3U\n#EXTINF:10,\n${url}\n#EXTINF:10,\n/etc/passwd\n`;
      // Headers of real containers before the playlist, so that it does reach FFmpeg.
      for (const head of [
        "OggS",
        "fLaC",
        "ID3\x03\0\0\0\0\0\0\xff\xfb\x90\x64",
        "\x1a\x45\xdf\xa3",
        "\0\0\0\x08ftyp",
      ]) {
        const file = Buffer.concat([Buffer.from(head, "latin1"), Buffer.from(playlist)]);
        expect(["DECODE_FAILED", "UNSUPPORTED_FORMAT"]).toContain(await outcome(decode(file)));
      }
      expect(requests).toBe(0);
    } finally {
      server.close();
    }
  });
});

describe("MP3", () => {
  const part = (seconds: number, ...args: string[]) =>
    ffmpeg(
      [wav([glide(seconds, 16_000)], 16_000)],
      [...args, "-write_xing", "0", "-id3v2_version", "0"],
      "mp3",
    );

  it.each([
    ["rate and channels", ["-ar", "44100", "-ac", "2"], ["-ar", "22050", "-ac", "1"]],
    ["rate and channels upwards", ["-ar", "22050", "-ac", "1"], ["-ar", "44100", "-ac", "2"]],
    ["rate only", ["-ar", "16000"], ["-ar", "24000"]],
  ])("that changes %s midway keeps all of its audio", async (_, first, second) => {
    const file = Buffer.concat([part(2, ...first), part(2, ...second)]);
    const { tracks, duration } = await decode(file);
    expect(Math.abs(duration - 4)).toBeLessThan(0.25);
    const again = tracks[0]!.subarray(2 * 16_000);
    expect(correlate(glide(1.5, 16_000), again, 4000).value).toBeGreaterThan(0.95);
  });

  it("is found behind garbage and behind a large ID3 tag", async () => {
    const mp3 = part(2);
    const tag = Buffer.alloc(300_010);
    tag.write("ID3\x04");
    tag.writeUInt32BE((300_000 % 128) + (((300_000 >> 7) % 128) << 8) + ((300_000 >> 14) << 16), 6);
    for (const start of [noise(5000, 2), Buffer.alloc(5000), tag]) {
      const file = Buffer.concat([start, mp3]);
      for (const input of [file, pieces(file, 5000)]) {
        const { duration, format } = await decode(input);
        expect(Math.abs(duration - 2)).toBeLessThan(0.2);
        expect(format.container).toBe("mp3");
      }
    }
  });

  it("with damage in the middle is decoded with a warning that shows no paths", async () => {
    const mp3 = part(2);
    noise(2000, 3).copy(mp3, 5000);
    const { duration, warnings } = await decode(mp3);
    expect(Math.abs(duration - 2)).toBeLessThan(0.5);
    expect(warnings.length).toBeGreaterThan(0);
    expect(warnings.join()).not.toMatch(/\/proc|\/tmp|0x[0-9a-f]{6}/);
  });

  it("with nothing after its tag is damaged", async () => {
    expect(await outcome(decode(Buffer.from("ID3\x04\0\0\0\0\0\x0a0123456789", "latin1")))).toBe(
      "DECODE_FAILED",
    );
  });
});

describe("M4A", () => {
  let m4a: Buffer;

  beforeAll(() => {
    m4a = ffmpeg([WAV], [], "m4a");
  });

  it("with its index at the end can be streamed in", async () => {
    expect(m4a.indexOf("moov")).toBeGreaterThan(m4a.indexOf("mdat"));
    expect((await decode(pieces(m4a, 1000))).duration).toBeCloseTo(2, 1);
  });

  it("without its index is damaged", async () => {
    await expect(decode(m4a.subarray(0, m4a.indexOf("moov") - 4))).rejects.toMatchObject({
      code: "DECODE_FAILED",
      message: expect.stringContaining("moov atom not found"),
    });
  });

  it.each([
    ["count", 12, 0x7fff_ffff],
    ["count", 12, 0xffff_ffff],
    ["size", 8, 0x7fff_ffff],
    ["size", 8, 0xffff_ffff],
  ])("with a forged %s in stsz (+%i: %i) is damaged", async (_, offset, value) => {
    const forged = Buffer.from(m4a);
    forged.writeUInt32BE(value, forged.indexOf("stsz") + offset);
    expect(await outcome(decode(forged))).toBe("DECODE_FAILED");
  });

  it("cut anywhere gives a coded error or what is left", async () => {
    for (let length = 1; length < 48; length += 3) {
      expect(["DECODE_FAILED", "UNSUPPORTED_FORMAT"]).toContain(
        await outcome(decode(m4a.subarray(0, length))),
      );
    }
  });
});

describe("other containers", () => {
  it.each(["libvorbis", "libopus"])("Ogg of two chained %s streams is read through", async (codec) => {
    const [first, second] = [glide(2, 16_000), glide(1, 16_000, 400)].map((samples) =>
      ffmpeg([wav([samples], 16_000)], ["-c:a", codec], "ogg"),
    );
    const { duration, tracks } = await decode(Buffer.concat([first!, second!]));
    expect(Math.abs(duration - 3)).toBeLessThan(0.1);
    const second_ = tracks[0]!.subarray(2 * 16_000);
    expect(correlate(glide(0.8, 16_000, 400), second_, 800).value).toBeGreaterThan(0.97);
  });

  it("Ogg of two chained streams of different rates and channels is read through", async () => {
    const first = ffmpeg(
      [wav([glide(2, 16_000)], 16_000)],
      ["-c:a", "libvorbis", "-ar", "44100", "-ac", "2"],
      "ogg",
    );
    const second = ffmpeg([wav([glide(1, 16_000, 400)], 16_000)], ["-c:a", "libvorbis"], "ogg");
    for (const file of [Buffer.concat([first, second]), Buffer.concat([second, first])]) {
      expect(Math.abs((await decode(file)).duration - 3)).toBeLessThan(0.1);
    }
  });

  it("Ogg of two interleaved streams gives the first, and says so", async () => {
    const other = wav([glide(2, 16_000, 900)], 16_000);
    const args = ["-map", "0:a", "-map", "1:a", "-c:a", "flac"];
    const { tracks, warnings } = await decode(ffmpeg([WAV, other], args, "ogg"));
    expect(tracks[0]).toEqual((await decode(WAV)).tracks[0]);
    expect(warnings.join()).toMatch(/There are 2 audio tracks; track 0 \(flac\) was used/);
  });

  it("ADTS behind garbage is read", async () => {
    const aac = ffmpeg([WAV], [], "aac");
    const { duration, format } = await decode(Buffer.concat([noise(5000, 4), aac]));
    expect(format.container).toBe("aac");
    expect(Math.abs(duration - 2)).toBeLessThan(0.2);
  });

  it("FLAC with a forged number of samples gives what is there and announces nothing", async () => {
    const flac = ffmpeg([WAV], [], "flac");
    flac[21]! |= 0x0f;
    flac.fill(0xff, 22, 26);
    const { tracks, duration, expectedDuration } = await decode(flac);
    expect(duration).toBe(2);
    expect(tracks[0]).toEqual((await decode(WAV)).tracks[0]);
    expect(expectedDuration).toBeUndefined();
  });

  it.each([
    ["flac", []],
    ["ogg", ["-c:a", "libvorbis"]],
    ["webm", []],
    ["mp3", []],
    ["aac", []],
    ["aiff", []],
  ])("%s cut or overwritten anywhere gives a coded error or what is left", async (extension, args) => {
    const file = ffmpeg([wav([SOURCE.subarray(0, 8000)], 16_000)], args, extension);
    const next = random(99);
    for (let round = 0; round < 6; round++) {
      const cut = file.subarray(0, 1 + Math.floor(next() * file.length));
      const overwritten = Buffer.from(file);
      for (let i = 0; i < 20; i++) overwritten[Math.floor(next() * 200)] = Math.floor(next() * 256);
      for (const damaged of [cut, overwritten]) {
        const limits = { decodeTimeout: 30, maxDuration: 60 };
        expect(["ok", "DECODE_FAILED", "UNSUPPORTED_FORMAT", "AUDIO_TOO_LONG"]).toContain(
          await outcome(decode(damaged, { limits })),
        );
      }
    }
  });

  it("a recording without a single sample is valid", async () => {
    const { duration, tracks } = await decode(ffmpeg([wav([new Float32Array(0)], 16_000)], [], "flac"));
    expect(duration).toBe(0);
    expect(concat(tracks).length).toBe(0);
  });
});
