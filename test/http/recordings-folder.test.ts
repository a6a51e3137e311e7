import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { type FileHandle, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { DirectoryStore } from "../../src/service/recordings/directory-store.js";
import { RecordingsFull } from "../../src/service/recordings/store.js";
import { formOf, post, startHttp } from "../support/http-server.js";
import { RECORDING, until } from "../support/server.js";
import { temporaryFolder } from "../support/temporary-folder.js";
import { latch } from "../support/transcribe-fake.js";

vi.mock("node:fs/promises", async (original) => {
  const actual = await original<typeof import("node:fs/promises")>();
  return { ...actual, readFile: vi.fn(actual.readFile) };
});

const FACTS = { filename: "a.wav", type: "audio/wav" };
/** Bytes of a recording that is copied in several pieces. */
const SIZE = 600_000;

async function storeOf(maxBytes = Number.POSITIVE_INFINITY, ttl = 100) {
  const folder = join(await temporaryFolder(), "recordings");
  const store = new DirectoryStore(folder, maxBytes, ttl);
  onTestFinished(() => store.close());
  return { folder, store };
}

async function sourceOf(size = SIZE): Promise<FileHandle> {
  const path = join(await temporaryFolder(), "source");
  writeFileSync(path, Buffer.alloc(size, 1));
  const file = await open(path);
  onTestFinished(() => file.close());
  return file;
}

/** `file`, which has `onRead` called before each of its pieces is read. */
function watched(file: FileHandle, onRead: (index: number) => void | Promise<void>): FileHandle {
  let reads = 0;
  return {
    stat: () => file.stat(),
    read: async (buffer: Buffer, offset: number, length: number, position: number) => {
      await onRead(reads++);
      return file.read(buffer, offset, length, position);
    },
  } as unknown as FileHandle;
}

describe("a recording whose client is gone while it is kept", () => {
  it.each([0, 1, 3])("leaves nothing behind (at read %i)", async (at) => {
    const { folder, store } = await storeOf(SIZE);
    const gone = new Error("The client is gone");
    const controller = new AbortController();
    let last = 0;
    const file = watched(await sourceOf(), (index) => {
      last = index;
      if (index === at) controller.abort(gone);
    });
    await expect(store.put(file, FACTS, controller.signal)).rejects.toBe(gone);
    expect(last).toBe(at);
    expect(readdirSync(folder)).toEqual([]);
    // Nor does it take room.
    await store.put(await sourceOf(), FACTS);
  });

  it("is not kept by the server", async () => {
    const folder = join(await temporaryFolder(), "recordings");
    const { put } = DirectoryStore.prototype;
    let isPut = false;
    const spy = vi.spyOn(DirectoryStore.prototype, "put").mockImplementation(async function (
      this: DirectoryStore,
      ...args
    ) {
      isPut = true;
      await until(() => args[2]?.aborted === true);
      return put.apply(this, args).finally(() => {
        isPut = false;
      });
    });
    onTestFinished(() => spy.mockRestore());
    const { url } = await startHttp({ settings: { recordingsStore: folder } });
    const controller = new AbortController();
    const call = post(url, formOf(RECORDING), { path: "/api/recordings", signal: controller.signal });
    await until(() => isPut);
    controller.abort();
    await expect(call).rejects.toThrow();
    await until(() => !isPut);
    expect(() => readdirSync(folder)).toThrow("ENOENT");
  });
});

describe("the room that recordings may take", () => {
  const full = (keeping: Promise<unknown>) => expect(keeping).rejects.toBeInstanceOf(RecordingsFull);

  it("is shared by those who come at once", async () => {
    const { folder, store } = await storeOf(2 * SIZE);
    const sources = await Promise.all(Array.from({ length: 5 }, () => sourceOf()));
    const outcomes = await Promise.allSettled(sources.map((source) => store.put(source, FACTS)));
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(2);
    expect(readdirSync(folder)).toHaveLength(2);
    for (const id of readdirSync(folder)) {
      // At once, too: one of them is told that there was none.
      expect((await Promise.all([store.delete(id), store.delete(id)])).sort()).toEqual([false, true]);
    }
    const both = await Promise.all([store.put(sources[0]!, FACTS), store.put(sources[1]!, FACTS)]);
    expect(both).toHaveLength(2);
    await full(store.put(sources[2]!, FACTS));
  });

  it("is taken from the first piece on, also while what is too old is deleted", async () => {
    const { store } = await storeOf(SIZE);
    const reading = latch();
    const going = latch();
    const slow = watched(await sourceOf(), async () => {
      reading.open();
      await going.opened;
    });
    const running = store.put(slow, FACTS);
    await reading.opened;
    await store.sweep();
    await full(store.put(await sourceOf(1), FACTS));
    going.open();
    const { id } = await running;
    await full(store.put(await sourceOf(1), FACTS));
    await store.sweep();
    await full(store.put(await sourceOf(1), FACTS));
    await store.delete(id);
    await store.put(await sourceOf(), FACTS);
  });

  it("is there again where others have deleted", async () => {
    const { folder, store } = await storeOf(SIZE);
    const { id } = await store.put(await sourceOf(), FACTS);
    rmSync(join(folder, id), { recursive: true });
    await store.sweep();
    await store.put(await sourceOf(), FACTS);
  });

  it("is counted again where it could not be", async () => {
    const { folder, store } = await storeOf(SIZE);
    symlinkSync(folder, folder);
    for (let i = 0; i < 2; i++)
      await expect(store.put(await sourceOf(), FACTS)).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    rmSync(folder);
    await store.put(await sourceOf(), FACTS);
  });

  it("and the time that they are kept do not depend on what others keep there", async () => {
    const { folder, store } = await storeOf(SIZE);
    const facts = { ...FACTS, sha256: "", bytes: SIZE, createdAt: new Date() };
    const foreign = [
      "no JSON",
      "7",
      "null",
      JSON.stringify({ ...facts, bytes: undefined }),
      JSON.stringify({ ...facts, bytes: "7" }),
      JSON.stringify({ ...facts, bytes: -7 }),
      JSON.stringify({ ...facts, createdAt: "yesterday" }),
      JSON.stringify({ ...facts, type: undefined }),
    ];
    for (const [index, text] of foreign.entries()) {
      mkdirSync(join(folder, `${index}`), { recursive: true });
      writeFileSync(join(folder, `${index}`, "meta.json"), text);
      expect(await store.stat(`${index}`)).toBeUndefined();
    }
    // One that cannot be read.
    mkdirSync(join(folder, "unreadable", "meta.json"), { recursive: true });
    const { id } = await store.put(await sourceOf(), FACTS);
    const { recordings } = await store.list({ limit: 100 });
    expect(recordings.map((each) => each.id)).toEqual([id]);
    await full(store.put(await sourceOf(1), FACTS));
    await store.sweep(Date.now() + 101_000);
    expect(readdirSync(folder)).not.toContain(id);
    expect(readdirSync(folder)).toHaveLength(foreign.length + 1);
    await store.put(await sourceOf(), FACTS);
  });
});

describe("recordings in a folder", () => {
  it.each([
    ["not read", Number.POSITIVE_INFINITY, 0],
    ["read", 100, 1],
  ])("are %s to see whether they are too old where they are kept for %d s", async (_, ttl, reads) => {
    const { store } = await storeOf(SIZE, ttl);
    await store.put(await sourceOf(1), FACTS);
    vi.mocked(readFile).mockClear();
    await store.sweep();
    expect(vi.mocked(readFile)).toHaveBeenCalledTimes(reads);
  });
});
