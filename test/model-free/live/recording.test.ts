import { readFile } from "node:fs/promises";
import { join as joinPath } from "node:path";
import { describe, expect, it } from "vitest";
import { type LiveEvent, type LiveRecordingTarget, TranscriptionError } from "../../../src/index.js";
import { decode } from "../../support/audio.js";
import { codeOf } from "../../support/demo.js";
import { folderWith } from "../../support/folder-with.js";
import {
  bytesOf,
  join,
  liveStream,
  replay,
  said,
  silence,
  textOf,
  words,
} from "../../support/scripted-speech.js";

const TALK = bytesOf(join([words(0, 4), silence(1), words(4, 4)]));
const HEADER = 44;

/** Takes bytes until there is no room for more. */
class Disk implements LiveRecordingTarget {
  bytes = new Uint8Array(0);
  isClosed = false;

  constructor(
    readonly room = Number.POSITIVE_INFINITY,
    readonly onClose: () => Promise<void> = async () => {},
  ) {}

  async write(bytes: Uint8Array, position: number): Promise<void> {
    if (this.isClosed) throw new Error("written to after its end");
    const end = position + bytes.length;
    if (end > this.room) throw new Error("no space left");
    const all = new Uint8Array(Math.max(end, this.bytes.length));
    all.set(this.bytes);
    all.set(bytes, position);
    this.bytes = all;
  }

  async close(): Promise<void> {
    await this.onClose();
    this.isClosed = true;
  }
}

const warningsOf = (events: readonly LiveEvent[]): string[] =>
  events.filter((event) => event.type === "warning").map(({ message }) => message);

describe("the recording of a live stream", () => {
  it("is a file with all that was written, however it was cut", async () => {
    const path = joinPath(await folderWith(), "talk.wav");
    const { stats } = await replay(liveStream({ record: path }), TALK, 777);
    expect(stats.recorded).toBe(stats.received);
    const file = await readFile(path);
    expect(new Uint8Array(file.subarray(HEADER))).toEqual(TALK);
    const { format, tracks } = await decode(file);
    expect(format).toMatchObject({ sampleRate: 16_000, channels: 1 });
    expect(tracks[0]).toHaveLength(TALK.length / 2);
  });

  it("is complete before the stream says that it is done", async () => {
    const order: string[] = [];
    const disk = new Disk(undefined, async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      order.push("closed");
    });
    const stream = liveStream({ record: disk });
    const reading = (async () => {
      for await (const { type } of stream) if (type === "done") order.push(type);
    })();
    await stream.write(TALK);
    await stream.end();
    order.push("ended");
    await reading;
    expect(order.filter((each) => each !== "ended")).toEqual(["closed", "done"]);
    expect(order.indexOf("ended")).toBeGreaterThan(0);
    expect(disk.bytes.subarray(HEADER)).toEqual(TALK);
  });

  it("that finds no more room ends there and is heard up to there, and the text goes on", async () => {
    const disk = new Disk(HEADER + 100_000);
    const { events, stats } = await replay(liveStream({ record: disk }), TALK, 3200);
    expect(textOf(events)).toBe(`${said(0, 4)} ${said(4, 4)}`);
    expect(warningsOf(events)).toEqual([expect.stringContaining("no space left")]);
    expect(stats.processed).toBe(stats.received);
    expect(stats.recorded).toBeGreaterThan(1);
    expect(stats.recorded).toBeLessThan(stats.received);
    const { tracks } = await decode(Buffer.from(disk.bytes));
    expect(tracks[0]!.length / 16_000).toBe(stats.recorded);
    expect(disk.isClosed).toBe(true);
  });

  it("that cannot be begun ends the stream", async () => {
    const path = joinPath(await folderWith(), "no", "such", "folder.wav");
    const stream = liveStream({ record: path });
    expect(await codeOf(stream.end())).toBe("STORAGE_FAILED");
    const disk = new Disk(1);
    expect(await codeOf(liveStream({ record: disk }).end())).toBe("INTERNAL");
    expect(disk.isClosed).toBe(true);
  });

  it("that cannot be kept is told of", async () => {
    const disk = new Disk(undefined, async () => {
      throw new TranscriptionError("STORAGE_FAILED", "the store is full");
    });
    const { events, stats } = await replay(liveStream({ record: disk }), TALK, 3200);
    expect(warningsOf(events)).toEqual([expect.stringContaining("the store is full")]);
    expect(stats.recorded).toBe(0);
  });

  it("has what there was of a stream that is cancelled", async () => {
    const disk = new Disk();
    const stream = liveStream({ record: disk });
    await stream.write(TALK.subarray(0, 50_000));
    await stream.close();
    expect(disk.isClosed).toBe(true);
    const { tracks } = await decode(Buffer.from(disk.bytes));
    expect(tracks[0]).toHaveLength(25_000);
  });

  it.each(["", 1, {}, { write() {} }])("is not made of %s", (record) => {
    expect(() => liveStream({ record } as object)).toThrow("record");
  });
});
