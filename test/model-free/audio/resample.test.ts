import { describe, expect, it } from "vitest";
import { correlate, decode, ffmpeg, glide, level, pieces, sine, wav } from "../../support/audio.js";

const SETTLED = 2000;

/** Level of `samples` in dB after taking out the sine of `frequency` that fits best: what resampling added. */
function residue(samples: Float32Array, frequency: number): number {
  const step = (2 * Math.PI * frequency) / 16_000;
  let [cc, cs, ss, cy, sy] = [0, 0, 0, 0, 0];
  for (const [i, y] of samples.entries()) {
    const [c, s] = [Math.cos(step * i), Math.sin(step * i)];
    cc += c * c;
    cs += c * s;
    ss += s * s;
    cy += c * y;
    sy += s * y;
  }
  const determinant = cc * ss - cs * cs;
  const a = (cy * ss - sy * cs) / determinant;
  const b = (sy * cc - cy * cs) / determinant;
  return level(samples.map((y, i) => y - a * Math.cos(step * i) - b * Math.sin(step * i)));
}

async function toEngineRate(frequency: number, rate: number): Promise<Float32Array> {
  const { tracks } = await decode({ samples: sine(frequency, 1, rate), sampleRate: rate });
  return tracks[0]!.subarray(SETTLED, -SETTLED);
}

const TONE_LEVEL = 20 * Math.log10(0.5 / Math.SQRT2);

describe.each([8000, 11_025, 22_050, 32_000, 44_100, 48_000, 96_000])("%i Hz to 16 kHz", (rate) => {
  const nyquist = Math.min(rate, 16_000) / 2;

  it("keeps levels within 0.1 dB up to 90 % of the band and adds nothing above -80 dB", async () => {
    for (const part of [0.02, 0.1, 0.25, 0.5, 0.7, 0.8, 0.9]) {
      const frequency = part * nyquist;
      const tone = await toEngineRate(frequency, rate);
      expect(Math.abs(level(tone) - TONE_LEVEL)).toBeLessThan(0.1);
      expect(residue(tone, frequency) - TONE_LEVEL).toBeLessThan(-80);
    }
  });

  it.runIf(rate > 16_000)("lets nothing of the band above through", async () => {
    for (const frequency of [8900, 10_000, 10_900].filter((value) => value < rate / 2)) {
      expect(level(await toEngineRate(frequency, rate)) - TONE_LEVEL).toBeLessThan(-80);
    }
  });

  it("agrees with SoX's resampler to the sample", async () => {
    const file = wav([glide(1.5, rate)], rate, "32f");
    const args = ["-ar", "16000", "-af", "aresample=resampler=soxr:precision=28", "-f", "f32le"];
    const bytes = ffmpeg([file], args, "raw");
    const reference = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    const { tracks, duration } = await decode(file);
    expect(duration).toBe(Math.round((Math.round(1.5 * rate) * 16_000) / rate) / 16_000);
    const ours = tracks[0]!.subarray(SETTLED, -SETTLED);
    expect(correlate(ours, reference.subarray(SETTLED), 4)).toMatchObject({ shift: 0 });
    const difference = ours.map((sample, i) => sample - reference[i + SETTLED]!);
    expect(level(difference)).toBeLessThan(-80);
  });
});

describe("resampling", () => {
  it("gives the same samples whatever pieces the input arrives in", async () => {
    const file = wav([glide(1, 44_100), sine(300, 1, 44_100)], 44_100);
    const whole = await decode(file, { channels: "each" });
    expect(whole.tracks).toHaveLength(2);
    expect(whole.tracks[0]!.length).toBe(16_000);
    for (const size of [999, 65_536]) {
      expect((await decode(pieces(file, size), { channels: "each" })).tracks).toEqual(whole.tracks);
    }
  });

  it.each([1000, 7999, 191_999, 768_000])("takes %i Hz", async (rate) => {
    const { tracks, longestBlock } = await decode({ samples: sine(200, 0.5, rate), sampleRate: rate });
    expect(tracks[0]!.length).toBe(Math.round((Math.round(0.5 * rate) * 16_000) / rate));
    expect(level(tracks[0]!.subarray(SETTLED, -SETTLED))).toBeCloseTo(TONE_LEVEL, 1);
    expect(longestBlock).toBeLessThanOrEqual(16_000);
  });

  it.each([0, 1, 2, 159, 400])("takes %i samples at 8 kHz", async (count) => {
    const { tracks } = await decode({ samples: new Float32Array(count), sampleRate: 8000 });
    expect(tracks[0]!.length).toBe(2 * count);
  });
});
