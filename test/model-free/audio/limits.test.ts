import { readdir, readFile, readlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { findFfmpeg } from "../../../src/audio/ffmpeg.js";
import { decode, ffmpeg, glide, int16, open, outcome, pieces, rawWav } from "../../support/audio.js";
import { useFfmpeg } from "../../support/fake-ffmpeg.js";
import { temporaryFolder } from "../../support/temporary-folder.js";

const SECOND = glide(1, 16_000);
const WAV = rawWav({}, int16(SECOND));
const MINUTES = 10;
let flac: Buffer;
let longFlac: Buffer;

beforeAll(() => {
  flac = ffmpeg([WAV], [], "flac");
  // Silence packs so well that it takes a decoder to learn how long it is.
  longFlac = ffmpeg([], ["-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono", "-t", String(MINUTES * 60)], "flac");
});

async function* endless(first: Uint8Array, rest: Uint8Array) {
  yield first;
  for (;;) {
    await sleep(0);
    yield rest;
  }
}

/** Programs that this process started and that still run. */
async function children(): Promise<number[]> {
  const ids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const own = await Promise.all(
    ids.map(async (id) => {
      const [stat, program] = await Promise.all([
        readFile(`/proc/${id}/stat`, "utf8").catch(() => ""),
        readlink(`/proc/${id}/exe`).catch(() => ""),
      ]);
      const [, parent] = /^\d+ \(.*\) [A-Z] (\d+)/s.exec(stat) ?? [];
      return Number(parent) === process.pid && program !== process.execPath ? Number(id) : 0;
    }),
  );
  return own.filter((id) => id > 0);
}

const openFiles = async () => (await readdir("/proc/self/fd")).length;

describe("limits.maxBytes", () => {
  const limits = { maxBytes: 1000 };

  it("is checked before reading where the size is known", async () => {
    const path = join(await temporaryFolder(), "a.wav");
    await writeFile(path, WAV);
    await expect(open(path, { limits })).rejects.toMatchObject({
      code: "AUDIO_TOO_LARGE",
      message: `Cannot decode ${JSON.stringify(path)}: its size of ${WAV.length} bytes is above limits.maxBytes (1000)`,
    });
    expect(await outcome(open(WAV, { limits }))).toBe("AUDIO_TOO_LARGE");
    expect(await outcome(decode(WAV, { limits: { maxBytes: WAV.length } }))).toBe("ok");
  });

  it("stops a stream as soon as it has passed, WAV or not", async () => {
    let sent = 0;
    async function* counted(bytes: Uint8Array) {
      for await (const piece of pieces(bytes, 500)) {
        sent += piece.length;
        yield piece;
      }
    }
    for (const file of [WAV, flac]) {
      sent = 0;
      expect(await outcome(decode(counted(file), { limits }))).toBe("AUDIO_TOO_LARGE");
      expect(sent).toBe(1500);
    }
  });

  it("stops an endless stream that has to be stored", async () => {
    const stream = endless(flac, Buffer.alloc(65_536, 0x55));
    expect(await outcome(decode(stream, { limits: { maxBytes: 2 ** 20 } }))).toBe("AUDIO_TOO_LARGE");
  });
});

describe("limits.maxDuration", () => {
  const limits = { maxDuration: 60 };

  it("is checked before decoding where the duration is certain", async () => {
    const file = rawWav({}, new Uint8Array(2 * 16_000 * 61));
    await expect(open(file, { limits })).rejects.toMatchObject({
      code: "AUDIO_TOO_LONG",
      message: "Cannot decode the given bytes: its duration of 61.0 s is above limits.maxDuration (60 s)",
    });
    const samples = new Float32Array(16_000 * 61);
    expect(await outcome(open({ samples, sampleRate: 16_000 }, { limits }))).toBe("AUDIO_TOO_LONG");
  });

  it("allows exactly as much", async () => {
    expect(await outcome(decode(WAV, { limits: { maxDuration: 1 } }))).toBe("ok");
    expect(await outcome(decode(flac, { limits: { maxDuration: 1 } }))).toBe("ok");
    expect(await outcome(decode(flac, { limits: { maxDuration: 0.99 } }))).toBe("AUDIO_TOO_LONG");
  });

  it("stops a small file of long silence", async () => {
    expect(longFlac.length).toBeLessThan(150_000);
    expect(await outcome(decode(longFlac, { limits }))).toBe("AUDIO_TOO_LONG");
    // The same without the number of samples in its header.
    const silent = Buffer.from(longFlac);
    silent[21]! &= 0xf0;
    silent.fill(0, 22, 26);
    expect(await outcome(decode(silent, { limits }))).toBe("AUDIO_TOO_LONG");
  });

  it("stops an endless WAV stream", async () => {
    const header = rawWav({ dataSize: 0xffff_ffff });
    expect(await outcome(decode(endless(header, Buffer.alloc(65_536)), { limits }))).toBe("AUDIO_TOO_LONG");
  });
});

describe("limits.decodeTimeout", () => {
  const timeout = {
    code: "DECODE_FAILED",
    message: expect.stringContaining("limits.decodeTimeout (0.05 s)"),
  };
  const limits = { decodeTimeout: 0.05 };

  it.each([
    ["before its first byte", new Uint8Array(0)],
    ["within its header", WAV.subarray(0, 20)],
    ["after its header", WAV.subarray(0, 44)],
    ["among its samples", WAV.subarray(0, 5000)],
  ])("ends a stream that falls silent %s", async (_, start) => {
    const stream = new PassThrough();
    stream.write(start);
    await expect(decode(stream, { limits })).rejects.toMatchObject(timeout);
    expect(stream.destroyed).toBe(true);
  });

  it("ends a stream that falls silent while it is stored", async () => {
    const stream = new PassThrough();
    stream.write(flac.subarray(0, flac.length / 2));
    await expect(decode(stream, { limits })).rejects.toMatchObject(timeout);
  });

  it("ends a decoder that hangs", async () => {
    await useFfmpeg("exec sleep 60");
    await findFfmpeg();
    await expect(decode(flac, { limits: { decodeTimeout: 0.2 } })).rejects.toMatchObject({
      code: "DECODE_FAILED",
      message: expect.stringContaining("timeout"),
    });
    expect(await children()).toEqual([]);
  });

  it("does not count the time that the consumer takes", async () => {
    const audio = await open(rawWav({}, new Uint8Array(200_000)), { limits: { decodeTimeout: 15 } });
    const now = performance.now.bind(performance);
    let away = 0;
    const clock = vi.spyOn(performance, "now").mockImplementation(() => now() + away);
    onTestFinished(() => clock.mockRestore());
    let blocks = 0;
    for await (const _ of audio.blocks()) {
      blocks++;
      away += 10_000;
    }
    expect(blocks).toBeGreaterThan(2);
  });
});

describe("an end from outside", () => {
  it.each<[string, () => Buffer]>([
    ["WAV", () => WAV],
    ["FLAC", () => flac],
  ])("CANCELLED for a signal that fired before: %s", async (_, file) => {
    expect(await outcome(open(file(), { signal: AbortSignal.abort() }))).toBe("CANCELLED");
  });

  it("CANCELLED while a stream is awaited, and the stream is destroyed", async () => {
    for (const start of [WAV.subarray(0, 5000), flac.subarray(0, 100)]) {
      const controller = new AbortController();
      const stream = new PassThrough();
      stream.write(start);
      const work = outcome(decode(stream, { signal: controller.signal }));
      await sleep(10);
      controller.abort();
      expect(await work).toBe("CANCELLED");
      expect(stream.destroyed).toBe(true);
    }
  });

  it("CANCELLED between two blocks, and FFmpeg is gone", async () => {
    const controller = new AbortController();
    const audio = await open(longFlac, { signal: controller.signal });
    const blocks = audio.blocks();
    await blocks.next();
    expect(await children()).toHaveLength(1);
    controller.abort();
    expect(await outcome(blocks.next())).toBe("CANCELLED");
    expect(await children()).toEqual([]);
  });

  it("DEADLINE_EXCEEDED for a signal of a timeout", async () => {
    const stream = new PassThrough();
    expect(await outcome(decode(stream, { signal: AbortSignal.timeout(20) }))).toBe("DEADLINE_EXCEEDED");
  });

  // The system kills what takes too much memory: no fault of the recording.
  it.each([
    ["SIGKILL", "DECODER_UNAVAILABLE"],
    ["SIGTERM", "DECODE_FAILED"],
  ] as const)("never a short result when FFmpeg gets %s", async (signal, code) => {
    const audio = await open(longFlac);
    const blocks = audio.blocks();
    await blocks.next();
    for (const id of await children()) process.kill(id, signal);
    const rest = async () => {
      for await (const _ of blocks);
    };
    expect(await outcome(rest())).toBe(code);
  });

  it("close() ends everything, at any time and more than once", async () => {
    for (const file of [WAV, longFlac]) {
      const unread = await open(file);
      await Promise.all([unread.close(), unread.close()]);
      expect(await outcome(unread.blocks().next())).toBe("CANCELLED");
      const begun = await open(file);
      await begun.blocks().next();
      await begun.close();
      await begun.close();
      expect(await children()).toEqual([]);
    }
  });

  it("leaving the loop ends the decoder", async () => {
    const audio = await open(longFlac);
    for await (const _ of audio.blocks()) break;
    expect(await children()).toEqual([]);
  });

  it("blocks() is given once", async () => {
    const audio = await open(WAV);
    for await (const _ of audio.blocks());
    await expect(audio.blocks().next()).rejects.toThrow(/read once/);
  });
});

describe("resources", () => {
  it("holds FFmpeg back while nobody reads", async () => {
    const audio = await open(longFlac);
    const blocks = audio.blocks();
    await blocks.next();
    const [id] = await children();
    const written = async () => Number(/wchar: (\d+)/.exec(await readFile(`/proc/${id}/io`, "utf8"))?.[1]);
    let before = -1;
    for (let now = await written(); now !== before; now = await written()) {
      before = now;
      await sleep(100);
    }
    // Of 38 MB: what fits into the pipe and the stream's buffer, and what was read.
    expect(before).toBeLessThan(2_000_000);
    await audio.close();
  });

  it("leaves no file, descriptor or process behind, whatever the outcome", async () => {
    const folder = await temporaryFolder();
    vi.stubEnv("TMPDIR", folder);
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    expect(tmpdir()).toBe(folder);
    await decode(Readable.from([flac]));
    const descriptors = await openFiles();
    for (let round = 0; round < 3; round++) {
      expect(await outcome(decode(Readable.from([flac])))).toBe("ok");
      expect(await outcome(decode(Readable.from([flac]), { limits: { maxDuration: 0.1 } }))).toBe(
        "AUDIO_TOO_LONG",
      );
      expect(await outcome(decode(Readable.from([flac.subarray(0, 50)])))).toBe("DECODE_FAILED");
      expect(await outcome(decode(Readable.from([flac, flac]), { limits: { maxBytes: flac.length } }))).toBe(
        "AUDIO_TOO_LARGE",
      );
      expect(await outcome(decode(Buffer.from("no audio")))).toBe("UNSUPPORTED_FORMAT");
      await (await open(pieces(flac, 100))).close();
    }
    expect(await readdir(folder)).toEqual([]);
    expect(await children()).toEqual([]);
    expect(await openFiles()).toBeLessThanOrEqual(descriptors);
  });

  it("says so when a stream cannot be stored", async () => {
    vi.stubEnv("TMPDIR", "/nonexistent");
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    await expect(decode(Readable.from([flac]))).rejects.toMatchObject({
      code: "STORAGE_FAILED",
      message: expect.stringMatching(/temporary folder \/nonexistent \(TMPDIR\)/),
    });
  });

  it("decodes many files at once", async () => {
    const results = await Promise.all(Array.from({ length: 16 }, () => decode(flac)));
    for (const { tracks } of results) expect(tracks).toEqual(results[0]!.tracks);
  });
});
