import { readdirSync, writeFileSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { DirectoryStore } from "../../src/service/recordings/directory-store.js";
import { formOf, post, startHttp } from "../support/http-server.js";
import { RECORDING, until } from "../support/server.js";
import { temporaryFolder } from "../support/temporary-folder.js";

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
    const { url } = await startHttp({ settings: { recordingsFolder: folder } });
    const controller = new AbortController();
    const call = post(url, formOf(RECORDING), { path: "/api/recordings", signal: controller.signal });
    await until(() => isPut);
    controller.abort();
    await expect(call).rejects.toThrow();
    await until(() => !isPut);
    expect(() => readdirSync(folder)).toThrow("ENOENT");
  });
});
