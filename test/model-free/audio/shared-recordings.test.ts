import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import { correlate, decode, level } from "../../support/audio.js";
import { describeWithShared, sharedPath } from "../../support/shared.js";

const FORMATS = ["wav", "flac", "m4a", "mp3", "ogg", "opus", "webm", "aac"];
const path = (extension: string) => sharedPath(`audio/formats/dialogue.${extension}`)!;

function probe(file: string, ...args: string[]): string[] {
  const output = execFileSync("ffprobe", ["-v", "error", ...args, "-of", "csv=p=0", file], {
    encoding: "utf8",
  });
  return output.split("\n").filter(Boolean);
}

/**
 * Seconds of audio in a file by ffprobe. Of what the header says only where that is no guess and no padding: for ADTS
 * it is guessed from the bit rate, and for MP3 it counts the encoder's lead-in and padding, which the decoder drops.
 */
function probedDuration(extension: string): number {
  const file = path(extension);
  if (extension !== "aac" && extension !== "mp3")
    return Number(probe(file, "-show_entries", "format=duration")[0]);
  const frames = probe(file, "-select_streams", "a:0", "-show_entries", "frame=nb_samples");
  const rate = Number(probe(file, "-select_streams", "a:0", "-show_entries", "stream=sample_rate")[0]);
  return frames.reduce((sum, line) => sum + Number.parseInt(line, 10), 0) / rate;
}

const bytesOf = (samples: Float32Array) =>
  Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength);

/** At 23 kbit/s Opus itself leaves 0.9891, whichever decoder and resampler are used. */
const LEAST_CORRELATION: Record<string, number> = { opus: 0.989 };

describeWithShared("the same dialogue in eight formats", () => {
  it.each(FORMATS)("%s has ffprobe's duration to 50 ms and the audio of the WAV", async (extension) => {
    const [reference, { tracks, duration, warnings }] = await Promise.all([
      decode(path("wav")),
      decode(path(extension)),
    ]);
    expect(Math.abs(duration - probedDuration(extension))).toBeLessThan(0.05);
    expect(warnings).toEqual([]);
    const lossless = extension === "wav" || extension === "flac";
    const excerpt = reference.tracks[0]!.subarray(20 * 16_000, 21 * 16_000);
    const { shift } = correlate(excerpt, tracks[0]!.subarray(20 * 16_000), 2200);
    // ADTS has no place for the encoder's lead-in of up to 2 112 samples; WebM rounds times to milliseconds.
    expect(Math.abs(shift)).toBeLessThanOrEqual(extension === "aac" ? 2112 : 160);
    const aligned = tracks[0]!.subarray(Math.max(0, shift));
    const { value } = correlate(reference.tracks[0]!.subarray(Math.max(0, -shift)), aligned, 1);
    expect(value).toBeGreaterThanOrEqual(LEAST_CORRELATION[extension] ?? 0.99);
    if (lossless) expect(bytesOf(tracks[0]!).equals(bytesOf(reference.tracks[0]!))).toBe(true);
    expect(Math.abs(level(tracks[0]!) - level(reference.tracks[0]!))).toBeLessThan(lossless ? 0.01 : 0.5);
  });
});

describeWithShared("a stereo telephone call", () => {
  const call = () => sharedPath("audio/calls/stereo-call-8k-mulaw.wav")!;

  it("is read as mu-law at 8 kHz, mixed or apart", async () => {
    const [mixed, apart] = await Promise.all([decode(call()), decode(call(), { channels: "each" })]);
    expect(mixed.format).toEqual({ container: "wav", codec: "pcm_mulaw", sampleRate: 8000, channels: 2 });
    expect(mixed.duration).toBeCloseTo(141.645, 3);
    expect(apart.tracks).toHaveLength(2);
    const mean = apart.tracks[0]!.map((sample, i) => (sample + apart.tracks[1]![i]!) / 2);
    expect(level(mean.map((sample, i) => sample - mixed.tracks[0]![i]!))).toBeLessThan(-120);
  });
});
