import { describe, expect, it } from "vitest";
import { correlate, decode, ffmpeg, glide, level, outcome, random, wav } from "../../support/audio.js";

const SOURCE = glide(4, 16_000);
const WAV = wav([SOURCE], 16_000);

/** Seconds that the source's third second is late. */
function lateness(track: Float32Array, expected: number, start = 2.5): number {
  const excerpt = SOURCE.subarray(start * 16_000, (start + 1) * 16_000);
  const { value, shift } = correlate(excerpt, track.subarray(Math.round(expected * 16_000)), 6000);
  expect(value).toBeGreaterThan(0.9);
  return shift / 16_000;
}

/** With the packets from 2 s on `seconds` later. */
const holed = (seconds: number, extension: string, args: string[] = []) =>
  ffmpeg([WAV], ["-af", `asetpts='PTS+gte(T,2)*${seconds}/TB'`, ...args], extension);

describe("holes in packets' times", () => {
  it.each([
    ["mkv", ["-c:a", "libopus"]],
    ["mp4", ["-c:a", "aac"]],
    ["ts", ["-c:a", "aac"]],
  ])("become silence in %s, a minute of it too", async (extension, args) => {
    const { tracks, duration, warnings } = await decode(holed(60, extension, args));
    expect(Math.abs(duration - 64)).toBeLessThan(0.15);
    expect(level(tracks[0]!.subarray(10 * 16_000, 60 * 16_000))).toBeLessThan(-100);
    expect(Math.abs(lateness(tracks[0]!, 62.5))).toBeLessThan(0.1);
    expect(warnings).toEqual([expect.stringMatching(/a hole of \d+\.\d s .* from [12]\.\d s on/)]);
  });

  it("beyond the limit are refused before they are filled", async () => {
    const file = holed(50_000, "mkv", ["-c:a", "libopus"]);
    await expect(decode(file)).rejects.toMatchObject({
      code: "AUDIO_TOO_LONG",
      message: expect.stringContaining("limits.maxDuration (43200 s = 12 h)"),
    });
  });
});

describe("recordings joined byte by byte", () => {
  it.each([
    ["webm", []],
    ["mkv", ["-c:a", "flac"]],
    ["m4a", []],
    ["mp4", ["-movflags", "frag_keyframe+empty_moov"]],
    ["asf", ["-c:a", "wmav2"]],
    ["flac", []],
    ["ogg", ["-c:a", "libvorbis"]],
    ["aiff", []],
    ["caf", []],
    ["au", []],
    ["w64", []],
    ["flv", ["-c:a", "mp3", "-ar", "22050"]],
    ["avi", ["-c:a", "mp3"]],
    ["ts", ["-c:a", "aac"]],
    ["mp3", []],
    ["aac", []],
  ])("are all heard: %s", async (extension, args) => {
    const part = ffmpeg([WAV], args, extension);
    const single = await decode(part);
    const { tracks, duration } = await decode(Buffer.concat([part, part, part]));
    // MP3 and ADTS bring their encoder's lead-in and padding with each.
    expect(Math.abs(duration - 3 * single.duration)).toBeLessThan(0.4);
    for (const place of [0, 1, 2]) {
      expect(Math.abs(lateness(tracks[0]!, place * single.duration + 2.5))).toBeLessThan(0.35);
    }
  });

  it("of which one is broken give the others and a warning", async () => {
    const part = ffmpeg([WAV], [], "m4a");
    const broken = Buffer.concat([part.subarray(0, part.indexOf("mdat") + 100)]);
    const { duration, warnings } = await decode(Buffer.concat([part, broken, part]));
    expect(Math.abs(duration - 8)).toBeLessThan(0.3);
    expect(warnings).toEqual([expect.stringMatching(/Of 3 recordings .* number 2 .* could not be decoded/)]);
  });
});

describe("damage in frames without a clock", () => {
  it.each([
    ["mp3", []],
    ["aac", []],
    ["mp2", []],
    ["ac3", []],
    ["eac3", []],
    ["dts", ["-strict", "-2", "-ar", "48000", "-ac", "2"]],
  ])("leaves later sound in its place: %s", async (extension, args) => {
    const file = ffmpeg([WAV], args, extension);
    const next = random(7);
    for (const fill of [() => 0, () => Math.floor(next() * 256)]) {
      const damaged = Buffer.from(file);
      const start = Math.round(file.length / 4);
      for (let i = start; i < start * 1.5; i++) damaged[i] = fill();
      const { tracks, warnings } = await decode(damaged);
      expect(Math.abs(lateness(tracks[0]!, 2.5))).toBeLessThan(0.1);
      expect(warnings[0]).toMatch(/about 0\.\d s of sound were lost/);
    }
  });
});

describe("bytes that are missing in frames without a clock", () => {
  const without = (file: Buffer, share: number) => {
    const start = Math.round(file.length * share);
    return Buffer.concat([file.subarray(0, start), file.subarray(start + file.length / 5)]);
  };

  it("leave later sound in its place where the encoder has counted its frames", async () => {
    for (const args of [
      ["-b:a", "32k"],
      ["-q:a", "4"],
    ]) {
      const { tracks, warnings } = await decode(without(ffmpeg([WAV], args, "mp3"), 0.25));
      expect(Math.abs(lateness(tracks[0]!, 2.5))).toBeLessThan(0.06);
      expect(warnings).toEqual([
        expect.stringMatching(/about 0\.[789] s of sound were lost and became silence$/),
      ]);
    }
  });

  it.each([
    ["mp3", ["-write_xing", "0"]],
    ["aac", []],
    ["ac3", []],
  ])("are a warning where nobody has: %s", async (extension, args) => {
    const { warnings } = await decode(without(ffmpeg([WAV], args, extension), 0.25));
    expect(warnings[0]).toMatch(
      /damaged in one place .*, 1\.\d s\): .* if bytes are missing .* times behind are early/,
    );
  });

  it.each([
    ["mp3", []],
    ["mp2", []],
    ["ac3", []],
  ])("are a warning at the end: %s", async (extension, args) => {
    const file = ffmpeg([WAV], args, extension);
    const { warnings } = await decode(file.subarray(0, Math.round(file.length * 0.6) + 7));
    expect(warnings[0]).toBe("The file is cut off in its last frame: the recording may have gone on");
  });

  it.each(["ac3", "eac3"])("are nothing at the beginning: %s", async (extension) => {
    const file = ffmpeg([WAV], [], extension);
    const { tracks, format } = await decode(file.subarray(Math.round(file.length / 5) + 5));
    expect(format.container).toBe(extension);
    expect(Math.abs(lateness(tracks[0]!, 2.5 - 0.85))).toBeLessThan(0.1);
  });
});

describe("tags between frames", () => {
  const tag = Buffer.concat([Buffer.from("ID3\x04\0\0\0\0\0\x3f", "latin1"), Buffer.alloc(63)]);
  const oldTag = Buffer.concat([Buffer.from("TAG"), Buffer.alloc(125)]);

  it("of segments that were joined cost no frames: MP3", async () => {
    const file = ffmpeg([WAV], ["-write_xing", "0", "-id3v2_version", "0", "-b:a", "32k"], "mp3");
    const segment = 20 * 144;
    const segments = Array.from({ length: Math.ceil(file.length / segment) }, (_, i) =>
      Buffer.concat([tag, file.subarray(i * segment, (i + 1) * segment), oldTag]),
    );
    const { tracks, warnings } = await decode(Buffer.concat(segments));
    expect(tracks[0]!.length).toBe((await decode(file)).tracks[0]!.length);
    expect(Math.abs(lateness(tracks[0]!, 2.5))).toBeLessThan(0.08);
    expect(warnings).toEqual([]);
  });
});

describe("a recording of a stream from its middle on", () => {
  it.each([
    ["webm", "libopus"],
    ["wma", "wmav2"],
    ["flv", "mp3"],
    ["ts", "aac"],
  ])("begins at 0, whatever its clock says: %s", async (extension, codec) => {
    const args = ["-output_ts_offset", "50000", "-ar", codec === "mp3" ? "22050" : "16000", "-c:a", codec];
    const { duration, warnings } = await decode(ffmpeg([WAV], args, extension));
    expect(duration).toBeCloseTo(4, 0);
    expect(warnings).toEqual([]);
  });
});

describe("sound that begins after a picture", () => {
  const VIDEO = ["-f", "lavfi", "-t", "6", "-i", "testsrc=s=64x64:r=10", "-c:v", "mpeg2video"];

  it.each([
    ["ts", "aac"],
    ["ts", "ac3"],
    ["mpg", "mp2"],
    ["mkv", "libopus"],
    ["mp4", "aac"],
  ])("stays as late: %s with %s", async (extension, codec) => {
    const delayed = ["-filter_complex", "[0:a]asetpts=PTS+1.5/TB[a]", "-map", "[a]", "-map", "1:v"];
    const { tracks, warnings } = await decode(
      ffmpeg([WAV], [...VIDEO, ...delayed, "-c:a", codec], extension),
    );
    expect(Math.abs(lateness(tracks[0]!, 4))).toBeLessThan(0.1);
    expect(warnings).toEqual([]);
  });
});

describe("announced durations", () => {
  it("that are not there become a warning with both numbers", async () => {
    const file = ffmpeg([WAV], ["-c:a", "libopus", "-cluster_time_limit", "500"], "mkv");
    const { warnings } = await decode(file.subarray(0, file.length / 2));
    expect(warnings.join()).toMatch(/announces 4\.0 s, but [12]\.\d s of sound could be decoded/);
  });
});

describe("several audio tracks", () => {
  const silence = wav([new Float32Array(64_000)], 16_000);
  const two = (first: Buffer, second: Buffer, flags: string[] = []) =>
    ffmpeg([first, second], ["-map", "0:a", "-map", "1:a", "-c:a", "libopus", ...flags], "mkv");
  const SECOND_DEFAULT = ["-disposition:a:0", "0", "-disposition:a:1", "default"];
  const other = wav([glide(4, 16_000, 700)], 16_000);

  it("gives the one with sound", async () => {
    const { tracks, format, warnings } = await decode(two(silence, WAV));
    lateness(tracks[0]!, 2.5);
    expect(format).toMatchObject({ track: 1, trackCount: 2 });
    expect(warnings).toEqual([
      expect.stringMatching(/There are 2 audio tracks; track 1 .* track 0 is silent/),
    ]);
  });

  it("gives the default one, unless that is silent", async () => {
    const byFlag = await decode(two(other, WAV, SECOND_DEFAULT));
    lateness(byFlag.tracks[0]!, 2.5);
    expect(byFlag.warnings).toEqual([expect.stringContaining("flagged as default")]);
    const bySound = await decode(two(WAV, silence, SECOND_DEFAULT));
    lateness(bySound.tracks[0]!, 2.5);
    expect(bySound.format).toMatchObject({ track: 0 });
  });

  it("gives no commentary, even one flagged as default, where there is another", async () => {
    const flags = ["-disposition:a:0", "comment+default", "-disposition:a:1", "0"];
    const { format, warnings } = await decode(two(WAV, WAV, flags));
    expect(format).toMatchObject({ track: 1, trackCount: 2 });
    expect(warnings.join()).toContain("the default is a commentary");
  });

  it("gives the one that was asked for, without a warning", async () => {
    const { tracks, warnings } = await decode(two(WAV, other), { track: 0 });
    lateness(tracks[0]!, 2.5);
    expect(warnings).toEqual([]);
    await expect(decode(two(WAV, other), { track: 2 })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("the recording has 2 audio tracks"),
    });
    expect(await outcome(decode(WAV, { track: 1 }))).toBe("INVALID_ARGUMENT");
  });

  it("gives silence when there is nothing else", async () => {
    const { duration, warnings } = await decode(two(silence, silence));
    expect(Math.abs(duration - 4)).toBeLessThan(0.1);
    expect(warnings).toHaveLength(1);
  });
});
