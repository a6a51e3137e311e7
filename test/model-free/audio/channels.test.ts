import { describe, expect, it } from "vitest";
import { ChannelSurvey } from "../../../src/audio/channel-survey.js";
import { IntegerScale } from "../../../src/audio/integer-scale.js";
import { concat, decode, ffmpeg, glide, level, random, wav } from "../../support/audio.js";

const RATE = 16_000;
const SECONDS = 4;

/** Noise in syllables of random length and loudness: unlike any other stretch of itself. */
function babble(seed: number): Float32Array {
  const next = random(seed);
  const samples = new Float32Array(SECONDS * RATE);
  for (let i = 0; i < samples.length; ) {
    const loudness = next() < 0.3 ? 0 : next() * 0.5;
    const end = Math.min(samples.length, i + Math.round((0.05 + next() * 0.2) * RATE));
    for (; i < end; i++) samples[i] = loudness * (2 * next() - 1);
  }
  return samples;
}

const VOICE = babble(1);
const OTHER = babble(2);
const SILENCE = new Float32Array(VOICE.length);

const warningsOf = async (channels: Float32Array[], options = {}, depth: "16" | "32f" = "32f") =>
  (await decode(wav(channels, RATE, depth), options)).warnings;

function later(samples: Float32Array, seconds: number): Float32Array {
  const moved = new Float32Array(samples.length);
  moved.set(samples.subarray(0, samples.length - Math.round(seconds * RATE)), Math.round(seconds * RATE));
  return moved;
}

describe("channels that are as they should be", () => {
  it.each<[string, Float32Array[]]>([
    ["two people", [VOICE, OTHER]],
    ["one voice in both", [VOICE, VOICE]],
    ["one voice, nearer to one", [VOICE, VOICE.map((x) => x / 4)]],
    ["one voice, 5 ms later in one", [VOICE, later(VOICE, 0.005)]],
    ["a centre among six", [SILENCE, SILENCE, VOICE, SILENCE, SILENCE, SILENCE]],
    ["what swells evenly", [glide(SECONDS, RATE), later(glide(SECONDS, RATE), 0.5)]],
    ["nothing at all", [SILENCE, SILENCE]],
  ])("give no warning: %s", async (_, channels) => {
    expect(await warningsOf(channels)).toEqual([]);
  });
});

describe("a channel that is not", () => {
  it.each<[string, Float32Array[], RegExp]>([
    ["silent", [VOICE, SILENCE], /^Channel 1 is silent: all sound is in channel 0$/],
    [
      "much softer",
      [VOICE.map((x) => x / 100), OTHER],
      /^Channel 0 is \d\d dB softer than channel 1: .* lost in the mix/,
    ],
    ["late", [VOICE, later(VOICE, 0.5)], /^Channel 1 holds what channel 0 does 0\.50 s later/],
    [
      "early",
      [later(VOICE, 0.3), VOICE.map((x) => x / 3)],
      /^Channel 0 holds what channel 1 does 0\.30 s later/,
    ],
    [
      "below the centre",
      [VOICE, OTHER.map((x) => x - 0.3)],
      /^Channel 1 has a constant offset of -30 % of full scale$/,
    ],
    [
      "off centre",
      [VOICE, OTHER.map((x) => x + 0.3)],
      /^Channel 1 has a constant offset of 30 % of full scale$/,
    ],
    [
      "overdriven",
      [VOICE.map((x) => Math.max(-1, Math.min(1, 20 * x))), OTHER],
      /^Channel 0 is overdriven: \d\d % of its samples are cut off at full scale$/,
    ],
  ])("is a warning: %s", async (_, channels, warning) => {
    expect(await warningsOf(channels)).toEqual([expect.stringMatching(warning)]);
  });

  it("is a warning where it was chosen and another has the sound", async () => {
    expect(await warningsOf([VOICE, SILENCE], { channels: 1 })).toEqual([
      "Channel 1, which was chosen, is silent, while channel 0 has sound",
    ]);
    expect(await warningsOf([VOICE, VOICE.map((x) => x / 1000)], { channels: 1 })).toEqual([
      "Channel 1, which was chosen, is 60 dB softer than channel 0",
    ]);
    expect(await warningsOf([VOICE, SILENCE], { channels: 0 })).toEqual([]);
  });

  it("is a warning where each is heard apart", async () => {
    expect(await warningsOf([SILENCE, VOICE], { channels: "each" })).toEqual([
      "Channel 0 is silent: all sound is in channel 1",
    ]);
  });
});

describe("a delay between channels", () => {
  it("is not looked for in what is too short for one", async () => {
    const survey = new ChannelSurvey(2, RATE);
    survey.add(VOICE.subarray(0, RATE / 50));
    let [turns, ended] = [0, false];
    const count = () => {
      turns++;
      if (!ended) setImmediate(count);
    };
    setImmediate(count);
    expect(await survey.warnings("mix")).toEqual([]);
    ended = true;
    expect(turns).toBeLessThan(3);
  });
});

describe("opposite phase", () => {
  it("is found under offsets that hide it", async () => {
    const channels = [VOICE.map((x) => 0.5 * x + 0.4), VOICE.map((x) => -0.5 * x - 0.4)];
    const opposite = [channels[0]!, channels[1]!.map((x) => x + 0.8)];
    for (const pair of [channels, opposite]) {
      const { tracks, warnings } = await decode(wav(pair, RATE, "32f"));
      const mean = tracks[0]!.reduce((sum, x) => sum + x, 0) / tracks[0]!.length;
      expect(level(tracks[0]!.map((x) => x - mean))).toBeGreaterThan(level(VOICE) - 8);
      expect(warnings.join()).toContain("opposite phase");
    }
  });
});

const numbers = VOICE.map((x) => Math.round(x * 32_768));

describe("floating-point samples that are numbers of 16 bits", () => {
  it("are brought to scale, with a warning", async () => {
    const opened = [
      wav([numbers], RATE, "32f"),
      ffmpeg([wav([numbers], RATE, "32f")], ["-c:a", "pcm_f32be"], "aiff"),
      { samples: numbers, sampleRate: RATE },
      // Softly at first, and not whole any more.
      wav([numbers.map((x, i) => (i < RATE ? Math.sign(x) * 3 : x * 0.9999))], RATE, "32f"),
    ];
    for (const input of opened) {
      const { tracks, warnings } = await decode(input);
      expect(Math.abs(level(tracks[0]!.subarray(RATE)) - level(VOICE.subarray(RATE)))).toBeLessThan(0.1);
      expect(level(tracks[0]!.subarray(0, RATE))).toBeLessThan(0);
      expect(warnings).toEqual([expect.stringContaining("were divided by 32768")]);
    }
  });

  it("are not taken for such where they are only loud, or only few", async () => {
    for (const samples of [VOICE.map((x) => 10 * x), Float32Array.from(VOICE, Math.sign)]) {
      const { tracks } = await decode({ samples, sampleRate: RATE });
      expect(tracks[0]).toEqual(samples);
    }
  });
});

describe("floating-point samples that are numbers of 16 bits, in any blocks", () => {
  /** Less than any recording has: the rules count seconds. */
  const SLOW = 1000;
  const scaled = (samples: Float32Array, size: number, channels = 1) => {
    const scale = new IntegerScale(channels, SLOW / channels);
    const blocks: Float32Array[] = [];
    let held = 0;
    for (let at = 0; at < samples.length; at += size) {
      blocks.push(...scale.push(samples.slice(at, at + size)));
      const given = blocks.reduce((sum, block) => sum + block.length, 0);
      held = Math.max(held, Math.min(samples.length, at + size) - given);
    }
    blocks.push(...scale.flush());
    expect(blocks.every((block) => block.length % channels === 0)).toBe(true);
    return { samples: concat(blocks), held };
  };
  const dither = Float32Array.from({ length: 2 * SLOW }, (_, i) => [0, 1, 0, -1][i % 4]!);
  const voice = VOICE.subarray(5 * SLOW, 9 * SLOW);
  const some = numbers.subarray(5 * SLOW, 9 * SLOW);
  const word = numbers.subarray(5 * SLOW, 5.7 * SLOW);
  const pause = new Float32Array(7.3 * SLOW);

  it.each<[string, Float32Array]>([
    ["at once", some],
    ["behind zeros", concat([new Float32Array(10 * SLOW), some])],
    ["behind the dither of silence", concat([dither, some])],
    ["not whole any more", some.map((x) => x * 0.9999)],
    ["in short words between zeros", concat([pause, word.subarray(0, 0.15 * SLOW), pause, word])],
    ["in words between zeros", concat([word, pause, word, pause, word])],
    ["in words between zeros, not whole any more", concat([word, pause, word]).map((x) => x * 0.9999)],
    ["in one word", word],
    ["softly at first", concat([some.map((x) => Math.sign(x) * 3).subarray(0, SLOW), some])],
  ])("are brought to scale from the first sound on: %s", (_, samples) => {
    const expected = samples.map((x) => x / 32_768);
    for (const size of [16, 100, SLOW, samples.length]) {
      const found = scaled(samples, size);
      expect(found.samples).toEqual(expected);
      expect(found.held).toBeLessThanOrEqual(6 * SLOW + size);
    }
    expect(scaled(samples, 100, 2).samples).toEqual(expected);
  });

  it("hold nothing back where full scale is ±1", () => {
    expect(scaled(voice, 20)).toEqual({ samples: voice, held: 0 });
    const clipped = voice.map((x) => Math.max(-1, Math.min(1, 3 * x)));
    expect(scaled(clipped, 20).samples).toEqual(clipped);
    expect(scaled(clipped, 20).held).toBeLessThan(3 * SLOW);
  });
});

describe("a glitch in floating-point samples", () => {
  const glitched = (value: number, places: number[], length = 40) => {
    const samples = VOICE.slice();
    for (const place of places) samples.fill(value, place, place + length);
    return samples;
  };
  const end = VOICE.length;

  it("becomes silence and changes nothing else, wherever it lies", async () => {
    for (const places of [[0], [RATE], [0, 400, 1200, 2 * RATE], [end - 4000], [end - 900], [end - 40]]) {
      const samples = glitched(12_000, places);
      for (const input of [{ samples, sampleRate: RATE }, wav([samples], RATE, "32f")]) {
        const { tracks, warnings } = await decode(input);
        expect(tracks[0]).toEqual(glitched(0, places));
        const count = 40 * places.length;
        expect(warnings).toEqual([`${count} samples were far beyond full scale and became silence`]);
      }
    }
  });

  it.each([
    [500, 500],
    [500, 700],
    [500, 2100],
    [500, RATE],
    [3000, 3000],
    [3000, RATE],
  ])("of %d samples does so too, %d before the end", async (length, before) => {
    const { tracks } = await decode({ samples: glitched(12_000, [end - before], length), sampleRate: RATE });
    expect(tracks[0]).toEqual(glitched(0, [end - before], length));
  });

  it("before a long silence does so too", async () => {
    const silence = new Float32Array(8 * RATE);
    const samples = (value: number) => concat([glitched(value, [end - 3000], 3000), silence, VOICE]);
    const { tracks } = await decode({ samples: samples(12_000), sampleRate: RATE });
    expect(tracks[0]).toEqual(samples(0));
  });

  it("in silence tells nothing of the sound that follows", async () => {
    const samples = new Float32Array(8 * RATE);
    samples.set(VOICE.subarray(0, RATE), 7 * RATE);
    const expected = samples.slice();
    samples[100] = 30_000;
    const { tracks } = await decode({ samples, sampleRate: RATE });
    expect(tracks[0]).toEqual(expected);
  });
});

describe("a track that was chosen", () => {
  it("is a warning where it is silent and another is not", async () => {
    const inputs = [wav([SILENCE], RATE), wav([VOICE], RATE)];
    const file = ffmpeg(inputs, ["-map", "0:a", "-map", "1:a", "-c:a", "libopus"], "mkv");
    const { duration, warnings } = await decode(file, { track: 0 });
    expect(duration).toBeCloseTo(SECONDS, 1);
    expect(warnings).toEqual(["Track 0, which was chosen, is silent, while track 1 has sound"]);
    expect((await decode(file, { track: 1 })).warnings).toEqual([]);
  });
});
