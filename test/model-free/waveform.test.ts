import { describe, expect, it } from "vitest";
import { waveform } from "../../src/index.js";
import { outcome } from "../support/audio.js";

const RATE = 16_000;

/** One that rises by a tenth each stretch of `seconds`, on one channel, and is silent on the other. */
function stairs(steps: number, seconds: number) {
  const length = Math.round(steps * seconds * RATE);
  const samples = new Float32Array(2 * length);
  for (let i = 0; i < length; i++)
    samples[2 * i] = (Math.floor(i / (seconds * RATE)) / 10) * (i % 2 === 0 ? 1 : -0.5);
  return { samples, sampleRate: RATE, channels: 2 };
}

describe("what a recording looks like", () => {
  it("is the least and the greatest sample of each stretch, by channel", async () => {
    const { channels, duration, perSecond } = await waveform(stairs(10, 0.05));
    expect({ duration, perSecond }).toEqual({ duration: 0.5, perSecond: 20 });
    const [left, right] = channels;
    expect([...left!]).toEqual(
      Array.from({ length: 10 }, (_, i) => [Math.round(-12.7 * 0.5 * i) + 0, Math.round(12.7 * i)]).flat(),
    );
    expect(right!.every((value) => value === 0)).toBe(true);
  });

  it.each([1, 3, 7, 30, 100])(
    "has %i stretches a second as asked, the last as long as it is",
    async (perSecond) => {
      const seconds = 10.02;
      const samples = new Float32Array(Math.round(seconds * RATE)).fill(1);
      const { channels } = await waveform({ samples, sampleRate: RATE }, { perSecond });
      expect(channels).toHaveLength(1);
      expect(channels[0]!.length / 2).toBe(Math.ceil(seconds * perSecond));
      expect(channels[0]!.at(-1)).toBe(127);
    },
  );

  it("is nothing for a recording without samples", async () => {
    const { channels, duration } = await waveform({ samples: new Float32Array(0), sampleRate: RATE });
    expect({ duration, stretches: channels[0]!.length }).toEqual({ duration: 0, stretches: 0 });
  });

  it.each([0, 101, 1.5, "20", Number.NaN])("refuses %s stretches a second by name", async (perSecond) => {
    const failed = waveform({ samples: new Float32Array(1), sampleRate: RATE }, { perSecond } as never);
    await expect(failed).rejects.toMatchObject({ code: "INVALID_ARGUMENT", option: "perSecond" });
  });

  it("ends when it is told to", async () => {
    const stop = new AbortController();
    const running = waveform(stairs(100, 1), { signal: stop.signal });
    stop.abort();
    expect(await outcome(running)).toBe("CANCELLED");
  });
});
