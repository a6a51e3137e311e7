import { mkdir, open as openFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pathToFileURL } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import type { AudioInput } from "../../../src/types/audio.js";
import { concat, decode, ffmpeg, glide, open, outcome, pieces, sine, wav } from "../../support/audio.js";
import { temporaryFolder } from "../../support/temporary-folder.js";

const SECOND = glide(1, 16_000);
const WAV = wav([SECOND], 16_000, "32f");
let flac: Buffer;

beforeAll(() => {
  flac = ffmpeg([wav([SECOND], 16_000)], [], "flac");
});

describe("ways to give audio", () => {
  it.each([
    ["WAV", () => WAV],
    ["FLAC", () => flac],
  ])(
    "takes %s as path, file: URL, Buffer, Uint8Array, ArrayBuffer, Readable and async iterable",
    async (_, bytes) => {
      const file = bytes();
      const path = join(await temporaryFolder(), "recording");
      await writeFile(path, file);
      const copy = Uint8Array.from(file);
      const inputs: AudioInput[] = [path, pathToFileURL(path), file, copy, copy.buffer];
      inputs.push(Readable.from([file]), pieces(file, 1000), Readable.toWeb(Readable.from([file])) as never);
      for (const input of inputs) {
        const { tracks, duration } = await decode(input);
        expect(duration).toBe(1);
        expect(tracks[0]![8000]).toBeCloseTo(SECOND[8000]!, 3);
      }
    },
  );

  it("reads a recording a second time beside the first, unless its bytes come once", async () => {
    const path = join(await temporaryFolder(), "recording");
    for (const bytes of [WAV, flac]) {
      await writeFile(path, bytes);
      await using file = await openFile(path);
      for (const input of [path, file, bytes, new Blob([bytes]), { samples: SECOND, sampleRate: 16_000 }]) {
        const audio = await open(input);
        const first = audio.blocks();
        const parts = [(await first.next()).value![0]!];
        const copy = await audio.again!();
        const copied: Float32Array[] = [];
        for await (const [samples] of copy.blocks()) copied.push(samples!);
        await copy.close();
        for await (const [samples] of first) parts.push(samples!);
        expect(concat(parts)).toEqual(concat(copied));
        expect(concat(parts)).toHaveLength(16_000);
      }
      for (const input of [pieces(bytes, 1000), new Response(bytes)]) {
        const audio = await open(input);
        expect(audio.again).toBeUndefined();
        await audio.close();
      }
    }
  });

  it.each([
    "-i",
    "a|b",
    "50%d.wav",
    "concat:a|b",
    "http:",
    "new\nline",
    "$(touch x)",
    "pipe:0",
    "snow ☃.mp3",
  ])("takes a file named %j", async (name) => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, name), flac);
    const before = process.cwd();
    process.chdir(folder);
    try {
      expect((await decode(name)).duration).toBe(1);
    } finally {
      process.chdir(before);
    }
  });

  it.each<[string, () => AudioInput]>([
    ["a blob", () => new Blob([WAV])],
    ["a file", () => new File([WAV], "a.wav")],
    ["a response", () => new Response(WAV)],
    ["a stream of the web", () => new Blob([WAV]).stream()],
  ])("may be %s", async (_, input) => {
    expect((await decode(input())).duration).toBe(1);
    await expect(decode(input(), { limits: { maxBytes: 1000 } })).rejects.toMatchObject({
      code: "AUDIO_TOO_LARGE",
    });
  });

  it("is no response that failed, that is empty or that was read", async () => {
    const read = new Response(WAV);
    await read.arrayBuffer();
    const failed = new Response("not here", { status: 404 });
    for (const [response, message] of [
      [failed, "its status is 404"],
      [new Response(), "it has no body"],
      [read, "its body was read already"],
    ] as const) {
      await expect(decode(response)).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        message: `Cannot read the given response: ${message}`,
      });
    }
  });

  it("follows a link, but not a dangling one or a circle", async () => {
    const folder = await temporaryFolder();
    const path = (name: string) => join(folder, name);
    await writeFile(path("a.wav"), WAV);
    await symlink(path("a.wav"), path("link"));
    await symlink(path("nothing"), path("dangling"));
    await symlink(path("circle"), path("circle"));
    expect((await decode(path("link"))).duration).toBe(1);
    expect(await outcome(decode(path("dangling")))).toBe("FILE_NOT_FOUND");
    expect(await outcome(decode(path("circle")))).toBe("INVALID_ARGUMENT");
  });

  it("says what a path is that is no file", async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, "directory.wav"));
    const rejection = (path: string, message: string, code = "INVALID_ARGUMENT") =>
      expect(decode(path)).rejects.toMatchObject({
        code,
        message: expect.stringContaining(message),
      });
    await rejection(join(folder, "directory.wav"), "it is a directory");
    await rejection("/dev/zero", "it is a socket or device");
    await rejection(join(folder, "absent.wav"), "there is no such file", "FILE_NOT_FOUND");
    await rejection("http://127.0.0.1/a.wav", "there is no such file", "FILE_NOT_FOUND");
  });

  it.each<[string, unknown]>([
    ["an empty path", ""],
    ["NUL in a path", "a\0b.wav"],
    ["an http: URL", new URL("http://127.0.0.1/a.wav")],
    ["a file: URL of another host", new URL("file://host/a.wav")],
    ["nothing", undefined],
    ["null", null],
    ["a number", 7],
    ["an array", [1, 2]],
    ["a stream of strings", Readable.from(["abc"])],
    ["a stream of objects", Readable.from([{ a: 1 }])],
  ])("answers INVALID_ARGUMENT for %s", async (_, input) => {
    expect(await outcome(decode(input as AudioInput))).toBe("INVALID_ARGUMENT");
  });

  it.each<[string, AudioInput]>([
    ["no bytes", new Uint8Array(0)],
    ["a stream that ends at once", Readable.from([])],
    ["a stream of empty chunks", Readable.from([new Uint8Array(0), new Uint8Array(0)])],
  ])("answers DECODE_FAILED for %s", async (_, input) => {
    expect(await outcome(decode(input))).toBe("DECODE_FAILED");
  });

  it("reports a stream that fails midway, before and after its header", async () => {
    async function* failing(bytes: number) {
      yield WAV.subarray(0, bytes);
      throw new Error("connection lost");
    }
    for (const bytes of [2, 30, 5000]) {
      await expect(decode(failing(bytes))).rejects.toMatchObject({
        code: "DECODE_FAILED",
        message: "Cannot decode the given stream: reading it failed: connection lost",
      });
    }
    await expect(decode(Readable.from(failing(5000)))).rejects.toMatchObject({ code: "DECODE_FAILED" });
  });
});

describe("decoded samples", () => {
  it("takes float and 16-bit samples of several channels", async () => {
    const samples = Float32Array.of(0.5, -0.25, 0.25, 0.75);
    const float = await decode({ samples, sampleRate: 16_000, channels: 2 }, { channels: "each" });
    expect(float.tracks.map((track) => [...track])).toEqual([
      [0.5, 0.25],
      [-0.25, 0.75],
    ]);
    expect(float.format).toEqual({ container: "raw", codec: "pcm_f32le", sampleRate: 16_000, channels: 2 });
    const integer = await decode({ samples: Int16Array.of(-32_768, 16_384), sampleRate: 16_000 });
    expect([...integer.tracks[0]!]).toEqual([-1, 0.5]);
    expect([...samples]).toEqual([0.5, -0.25, 0.25, 0.75]);
  });

  it.each([0, 1, 159, 160, 161, 399, 400])("takes %i samples", async (count) => {
    const { tracks, duration } = await decode({ samples: SECOND.subarray(0, count), sampleRate: 16_000 });
    expect(tracks[0]!.length).toBe(count);
    expect(duration).toBe(count / 16_000);
  });

  it("lets the event loop turn while a long array is read", async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    try {
      await decode({ samples: new Float32Array(16_000 * 600), sampleRate: 16_000 });
    } finally {
      clearInterval(timer);
    }
    expect(turns).toBeGreaterThan(0);
  });

  it("silences what is no number", async () => {
    const { tracks, warnings } = await decode({
      samples: Float32Array.of(Number.NaN, 0.5),
      sampleRate: 16_000,
    });
    expect([...tracks[0]!]).toEqual([0, 0.5]);
    expect(warnings).toHaveLength(1);
  });

  it.each<[string, object]>([
    ["input.samples", { samples: [0, 1], sampleRate: 16_000 }],
    ["input.samples", { samples: new Float64Array(2), sampleRate: 16_000 }],
    ["input.samples", { samples: new Float32Array(3), sampleRate: 16_000, channels: 2 }],
    ["input.sampleRate", { samples: new Float32Array(2) }],
    ["input.sampleRate", { samples: new Float32Array(2), sampleRate: 0 }],
    ["input.sampleRate", { samples: new Float32Array(2), sampleRate: 4e9 }],
    ["input.sampleRate", { samples: new Float32Array(2), sampleRate: Number.NaN }],
    ["input.channels", { samples: new Float32Array(2), sampleRate: 16_000, channels: 0 }],
    ["input.channels", { samples: new Float32Array(255), sampleRate: 16_000, channels: 255 }],
  ])("names %s when it is wrong", async (field, input) => {
    await expect(decode(input as AudioInput)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining(`for ${field} `),
    });
  });
});

describe("channels", () => {
  const left = sine(300, 0.5, 16_000);
  const right = sine(500, 0.5, 16_000, 0.25);
  const stereo = wav([left, right], 16_000, "32f");

  it("are mixed to their mean", async () => {
    const { tracks, format } = await decode(stereo);
    expect(tracks).toEqual([left.map((sample, i) => (sample + right[i]!) / 2)]);
    expect(format.channels).toBe(2);
  });

  it("can be taken alone", async () => {
    expect((await decode(stereo, { channels: 0 })).tracks).toEqual([left]);
    expect((await decode(stereo, { channels: 1 })).tracks).toEqual([right]);
  });

  it("can be kept apart", async () => {
    const { tracks } = await decode(stereo, { channels: "each" });
    expect(tracks).toEqual([left, right]);
  });

  it("come through FFmpeg in the same way", async () => {
    const file = ffmpeg([wav([left, right], 16_000)], [], "flac");
    const [mix, second, each] = await Promise.all([
      decode(file),
      decode(file, { channels: 1 }),
      decode(file, { channels: "each" }),
    ]);
    expect(each.tracks).toHaveLength(2);
    expect(second.tracks[0]).toEqual(each.tracks[1]);
    const [first] = each.tracks;
    expect(mix.tracks[0]).toEqual(first!.map((sample, i) => (sample + each.tracks[1]![i]!) / 2));
    expect(concat(each.tracks)[100]).toBeCloseTo(left[100]!, 4);
  });

  it.each([2, 64])("that do not exist are refused with the count: %i", async (channel) => {
    await expect(open(stereo, { channels: channel })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("the recording has 2 channels"),
    });
  });

  it.each([-1, 0.5, Number.NaN, "left", null])("must be a selection, not %s", async (channels) => {
    expect(await outcome(open(stereo, { channels: channels as never }))).toBe("INVALID_ARGUMENT");
  });
});
