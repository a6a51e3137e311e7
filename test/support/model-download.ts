import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect } from "vitest";
import { type DownloadFileOptions, downloadFile, type RemoteFile } from "../../src/models/download.js";
import { FileServer } from "./file-server.js";
import { sampleContent, sampleEntry } from "./model-environment.js";
import { temporaryFolder } from "./temporary-folder.js";

/** What is downloaded. */
export const content = sampleContent(300_000);
export const half = 150_000;
export const retry = { attempts: 3, firstDelay: 0, maxDelay: 0, stallTimeout: 10 };

/** Two servers of `content` as `/model.bin`; without requests and script at the start of each test. */
export let server: FileServer;
export let other: FileServer;

beforeAll(async () => {
  [server, other] = await Promise.all([FileServer.start(), FileServer.start()]);
});

afterAll(() => Promise.all([server.close(), other.close()]));

beforeEach(() => {
  for (const each of [server, other]) {
    each.requests.length = 0;
    each.script.length = 0;
    each.files.clear();
    each.files.set("/model.bin", { content, etag: '"v1"' });
  }
});

/** The file as the registry would describe it, with a folder of its own to go to. */
export async function remoteFile(change: Partial<RemoteFile> = {}): Promise<RemoteFile> {
  const { sha256, bytes } = sampleEntry(content);
  const path = join(await temporaryFolder(), "models", "model.bin");
  return { name: "sample", url: `${server.url}/model.bin`, path, bytes, sha256, ...change };
}

/** Downloads without waiting between tries. */
export function download(file: RemoteFile, options: Partial<DownloadFileOptions> = {}): Promise<void> {
  return downloadFile(file, { token: undefined, retry, ...options });
}

/** What an interrupted run leaves behind. */
export async function leavePartial(file: RemoteFile, bytes: Buffer, note: object = {}): Promise<void> {
  await mkdir(join(file.path, ".."), { recursive: true });
  await writeFile(`${file.path}.partial`, bytes);
  await writeFile(
    `${file.path}.partial.json`,
    JSON.stringify({ sha256: file.sha256, etag: '"v1"', ...note }),
  );
}

/** The file is there, whole and alone. */
export async function expectArrived(file: RemoteFile): Promise<void> {
  expect((await readFile(file.path)).equals(content)).toBe(true);
  expect(await readdir(join(file.path, ".."))).toEqual(["model.bin"]);
}

/** What `server` was asked for, request by request. */
export const ranges = (): Array<string | undefined> =>
  server.requests.map((request) => request.headers.range);
