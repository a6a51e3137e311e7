import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { concat, correlate, decode, ffmpeg, glide, level, pieces, wav } from "../../support/audio.js";
import { temporaryFolder } from "../../support/temporary-folder.js";

const SOURCE = glide(3, 16_000);
const WAV = wav([SOURCE], 16_000);

interface Format {
  name: string;
  extension: string;
  args: string[];
  container: string;
  codec: string;
  lossless?: boolean;
}

const FORMATS: Format[] = [
  { name: "MP3", extension: "mp3", args: [], container: "mp3", codec: "mp3" },
  { name: "MP2", extension: "mp2", args: [], container: "mp3", codec: "mp2" },
  { name: "M4A", extension: "m4a", args: [], container: "mp4", codec: "aac" },
  {
    name: "MP4 with fast start",
    extension: "mp4",
    args: ["-movflags", "faststart"],
    container: "mp4",
    codec: "aac",
  },
  { name: "ALAC", extension: "m4a", args: ["-c:a", "alac"], container: "mp4", codec: "alac", lossless: true },
  { name: "FLAC", extension: "flac", args: [], container: "flac", codec: "flac", lossless: true },
  {
    name: "Ogg FLAC",
    extension: "oga",
    args: ["-c:a", "flac"],
    container: "ogg",
    codec: "flac",
    lossless: true,
  },
  { name: "Vorbis", extension: "ogg", args: ["-c:a", "libvorbis"], container: "ogg", codec: "vorbis" },
  { name: "Opus", extension: "opus", args: [], container: "ogg", codec: "opus" },
  { name: "Opus in .ogg", extension: "ogg", args: ["-c:a", "libopus"], container: "ogg", codec: "opus" },
  { name: "AAC (ADTS)", extension: "aac", args: [], container: "aac", codec: "aac" },
  { name: "WebM", extension: "webm", args: [], container: "matroska", codec: "opus" },
  { name: "Matroska", extension: "mka", args: ["-c:a", "libvorbis"], container: "matroska", codec: "vorbis" },
  { name: "AIFF", extension: "aiff", args: [], container: "aiff", codec: "pcm_s16be", lossless: true },
  { name: "W64", extension: "w64", args: [], container: "w64", codec: "pcm_s16le", lossless: true },
  { name: "CAF", extension: "caf", args: [], container: "caf", codec: "pcm_s16be", lossless: true },
  { name: "AU", extension: "au", args: [], container: "au", codec: "pcm_s16be", lossless: true },
  { name: "WavPack", extension: "wv", args: [], container: "wavpack", codec: "wavpack", lossless: true },
  { name: "AC-3", extension: "ac3", args: ["-ar", "32000"], container: "ac3", codec: "ac3" },
  { name: "WMA", extension: "asf", args: ["-c:a", "wmav2"], container: "asf", codec: "wmav2" },
];

describe.each(FORMATS)("$name", ({ extension, args, container, codec, lossless }) => {
  let file: Buffer;

  beforeAll(() => {
    file = ffmpeg([WAV], args, extension);
  });

  it("decodes to what was encoded, whatever its name and however it arrives", async () => {
    const path = join(await temporaryFolder(), "misnamed.wav");
    await writeFile(path, file);
    const { tracks, duration, format, warnings, longestBlock } = await decode(path);
    expect(format).toMatchObject({ container, codec, channels: 1 });
    expect(warnings).toEqual([]);
    expect(longestBlock).toBeLessThanOrEqual(16_000);
    expect(duration).toBe(tracks[0]!.length / 16_000);
    // ADTS, MP2, AC-3 and WMA have no way to say how much of the last frames is padding.
    expect(Math.abs(duration - 3)).toBeLessThan(lossless ? 1e-9 : 0.15);
    if (lossless) {
      expect(tracks[0]).toEqual((await decode(WAV)).tracks[0]);
    } else {
      // The lead-in of the encoder, where a format does not record it, is a shift and no difference.
      expect(correlate(SOURCE.subarray(8000, 20_000), tracks[0]!.subarray(8000), 2300).value).toBeGreaterThan(
        0.99,
      );
      expect(level(tracks[0]!)).toBeCloseTo(level(SOURCE), 0);
    }
    const streamed = await decode(pieces(file, 700));
    expect(streamed.tracks).toEqual(tracks);
  });
});

describe("audio that only FFmpeg reads", () => {
  it("keeps its place on the clock after a gap in the packets", async () => {
    for (const [extension, codec] of [
      ["webm", "libopus"],
      ["mp4", "aac"],
    ] as const) {
      const args = ["-af", "aselect='not(between(t,0.95,2))'", "-c:a", codec];
      const { tracks, duration } = await decode(ffmpeg([WAV], args, extension));
      expect(Math.abs(duration - 3)).toBeLessThan(0.1);
      const [track] = tracks;
      expect(level(track!.subarray(1.2 * 16_000, 1.8 * 16_000))).toBeLessThan(-60);
      const after = SOURCE.subarray(2.3 * 16_000, 2.8 * 16_000);
      const { value, shift } = correlate(after, track!.subarray(2.3 * 16_000), 800);
      expect(value).toBeGreaterThan(0.97);
      expect(Math.abs(shift) / 16_000).toBeLessThan(0.05);
    }
  });

  it("begins with silence where audio begins after the video", async () => {
    const video = ["-f", "lavfi", "-t", "3", "-i", "color=s=32x32:r=5"];
    const args = [
      ...video,
      "-map",
      "0:a",
      "-map",
      "1:v",
      "-af",
      "asetpts=PTS+1/TB",
      "-c:a",
      "aac",
      "-c:v",
      "mpeg4",
    ];
    const { duration, tracks, format, warnings } = await decode(ffmpeg([WAV], args, "mp4"));
    expect(Math.abs(duration - 4)).toBeLessThan(0.1);
    expect(level(tracks[0]!.subarray(0, 14_000))).toBeLessThan(-60);
    expect(format).toEqual({ container: "mp4", codec: "aac", sampleRate: 16_000, channels: 1 });
    expect(warnings).toEqual([]);
  });

  it("is taken from the first of several streams, with a warning", async () => {
    const other = wav([glide(3, 16_000, 900)], 16_000);
    const file = ffmpeg([WAV, other], ["-map", "0:a", "-map", "1:a", "-c:a", "flac"], "mka");
    const { tracks, warnings } = await decode(file);
    expect(tracks[0]).toEqual((await decode(WAV)).tracks[0]);
    expect(warnings).toEqual([
      expect.stringMatching(
        /^There are 2 audio tracks; track 0 \(flac\) was used.*the option "track" chooses/,
      ),
    ]);
  });

  it("may carry a cover picture", async () => {
    const png = ffmpeg([], ["-f", "lavfi", "-i", "color=s=32x32", "-frames:v", "1"], "png");
    const args = ["-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v", "attached_pic"];
    for (const extension of ["mp3", "m4a"]) {
      const { duration, warnings } = await decode(ffmpeg([WAV, png], args, extension));
      expect(duration).toBeCloseTo(3, 1);
      expect(warnings).toEqual([]);
    }
  });

  it("announces its duration where the container knows it", async () => {
    const { expectedDuration } = await decode(ffmpeg([WAV], [], "m4a"));
    expect(expectedDuration).toBeCloseTo(3, 1);
  });

  it("is brought to 16 kHz", async () => {
    const source = concat([glide(2, 48_000), new Float32Array(4800)]);
    const { tracks, format } = await decode(ffmpeg([wav([source], 48_000)], [], "flac"));
    expect(format.sampleRate).toBe(48_000);
    expect(tracks[0]!.length).toBe(2.1 * 16_000);
    expect(correlate(glide(2, 16_000), tracks[0]!, 4)).toMatchObject({
      shift: 0,
      value: expect.closeTo(1, 4),
    });
  });
});
