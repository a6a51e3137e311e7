import { afterEach, describe, expect, it, vi } from "vitest";
import { DecodeTask } from "../../../src/audio/decode-task.js";
import { frameStretches } from "../../../src/audio/frame-survey.js";
import { DEFAULT_AUDIO_LIMITS } from "../../../src/config/limits.js";
import { decode, ffmpeg, open, wav } from "../../support/audio.js";

/** The smallest frame of MPEG audio: layer III, 8 kbit/s at 24 kHz, 24 ms. */
const FRAME = Buffer.concat([Buffer.from("fff314c0", "hex"), Buffer.alloc(20)]);
const frames = (count: number) => Buffer.concat(Array.from({ length: count }, () => FRAME));
/** An ID3v1 tag, which begins with "TAG" and nothing more. */
const tag = (content: Uint8Array = new Uint8Array(0)) => {
  const bytes = Buffer.alloc(128, " ");
  bytes.write("TAG");
  bytes.set(content, 128 - content.length);
  return bytes;
};
const tags = (count: number, content?: Uint8Array) =>
  Buffer.concat(Array.from({ length: count }, () => tag(content)));

async function survey(file: Buffer) {
  const task = new DecodeTask("test", DEFAULT_AUDIO_LIMITS);
  const readAt = async (position: number, count: number) => file.subarray(position, position + count);
  const kinds: Array<[string, number]> = [];
  for await (const stretches of frameStretches("mp3", readAt, 0, task)) {
    for (const { bytes, frame, ...rest } of stretches) {
      const kind = frame ? "frame" : "isTag" in rest && rest.isTag ? "tags" : "break";
      const last = kinds.at(-1);
      if (last?.[0] === kind) last[1] += bytes;
      else kinds.push([kind, bytes]);
    }
  }
  return kinds;
}

describe("frames and what is between them", () => {
  it("are told apart", async () => {
    const noise = Buffer.alloc(1000, 1);
    const file = Buffer.concat([frames(5), tags(3), frames(5), noise, frames(5), tags(2)]);
    expect(await survey(file)).toEqual([
      ["frame", 120],
      ["tags", 384],
      // Damaged itself, since none follows it.
      ["frame", 96],
      ["break", 24 + 1000],
      ["frame", 120],
      ["tags", 256],
    ]);
  });

  it("may have tags of several kinds in a row", async () => {
    const id3 = Buffer.concat([Buffer.from("ID3\x04\0\0\0\0\0\x20", "latin1"), Buffer.alloc(32, 1)]);
    const file = Buffer.concat([frames(4), tag(), id3, tag(), frames(4)]);
    expect(await survey(file)).toEqual([
      ["frame", 96],
      ["tags", 128 + 42 + 128],
      ["frame", 96],
    ]);
  });

  it("are not tags where these lead nowhere", async () => {
    const file = Buffer.concat([frames(4), tags(2), Buffer.alloc(300, 1), frames(4)]);
    expect(await survey(file)).toEqual([
      ["frame", 72],
      ["break", 24 + 256 + 300],
      ["frame", 96],
    ]);
  });
});

describe("the work of a survey", () => {
  afterEach(() => vi.restoreAllMocks());

  /** Looks at places as texts. */
  async function looks(file: Buffer): Promise<number> {
    const read = vi.spyOn(Buffer.prototype, "toString");
    await survey(file);
    const count = read.mock.calls.length;
    read.mockRestore();
    return count;
  }

  it.each<[string, (count: number) => Buffer]>([
    ["tags without end", (count) => Buffer.concat([frames(4), tags(count)])],
    ["tags that lead nowhere", (count) => Buffer.concat([frames(4), tags(count), Buffer.alloc(300, 1)])],
    [
      "frames in tags that lead nowhere",
      (count) => Buffer.concat([frames(4), tags(count, frames(3)), Buffer.alloc(300, 1)]),
    ],
  ])("grows with the bytes, not with their square: %s", async (_, file) => {
    const [some, more] = [await looks(file(250)), await looks(file(2000))];
    expect(more).toBeLessThan(10 * some);
  });
});

it("a file that is damaged in very many places is heard on its clock", async () => {
  const second = ffmpeg(
    [wav([new Float32Array(16_000)], 16_000)],
    ["-ar", "24000", "-b:a", "8k", "-write_xing", "0"],
    "mp3",
  );
  const sound = second.subarray(second.indexOf(0xff)).subarray(0, 24 * 40);
  const piece = Buffer.concat([sound.subarray(0, 72), Buffer.alloc(24)]);
  const count = 11_000;
  const file = Buffer.concat([sound, ...Array.from({ length: count }, () => piece), sound]);
  const audio = await open(file);
  for await (const _ of audio.blocks()) {
    // As far as it goes.
  }
  expect(audio.duration).toBeCloseTo((40 + 4 * count + 40) * 0.024, 0);
  expect(audio.warnings.join("\n")).toMatch(/damaged in 11000 places \(528000 bytes in all/);
}, 60_000);

it("warnings are told once with their count, and of very many only how many there are", async () => {
  const clipped = wav([Float32Array.from({ length: 16_000 }, (_, i) => Math.sign(Math.sin(i / 50)))], 16_000);
  const many = await decode(Buffer.concat(Array.from({ length: 30 }, () => clipped)));
  expect(many.warnings).toEqual([expect.stringMatching(/overdriven.* \(30 times\)$/)]);
  const task = new DecodeTask("test", DEFAULT_AUDIO_LIMITS);
  for (let i = 0; i < 10_000; i++) task.warn(`Number ${i}`);
  expect(task.warnings).toHaveLength(51);
  expect(task.warnings.at(-1)).toBe("and 9950 more warnings");
});
