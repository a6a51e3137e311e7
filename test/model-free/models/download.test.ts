import { symlinkSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { type DownloadFileOptions, downloadFile, type RemoteFile } from "../../../src/models/download.js";
import { cutAfter, FileServer, status } from "../../support/file-server.js";
import { sampleContent, sampleEntry } from "../../support/model-environment.js";
import { temporaryFolder } from "../../support/temporary-folder.js";

const content = sampleContent(300_000);
const half = 150_000;
const retry = { attempts: 3, firstDelay: 0, maxDelay: 0, stallTimeout: 10 };

let server: FileServer;
let other: FileServer;

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

async function remoteFile(change: Partial<RemoteFile> = {}): Promise<RemoteFile> {
  const { sha256, bytes } = sampleEntry(content);
  const path = join(await temporaryFolder(), "models", "model.bin");
  return { name: "sample", url: `${server.url}/model.bin`, path, bytes, sha256, ...change };
}

function download(file: RemoteFile, options: Partial<DownloadFileOptions> = {}): Promise<void> {
  return downloadFile(file, { token: undefined, retry, ...options });
}

/** What an interrupted run leaves behind. */
async function leavePartial(file: RemoteFile, bytes: Buffer, note: object = {}): Promise<void> {
  await mkdir(join(file.path, ".."), { recursive: true });
  await writeFile(`${file.path}.partial`, bytes);
  await writeFile(
    `${file.path}.partial.json`,
    JSON.stringify({ sha256: file.sha256, etag: '"v1"', ...note }),
  );
}

async function expectArrived(file: RemoteFile): Promise<void> {
  expect((await readFile(file.path)).equals(content)).toBe(true);
  expect(await readdir(join(file.path, ".."))).toEqual(["model.bin"]);
}

const ranges = (): Array<string | undefined> => server.requests.map((request) => request.headers.range);

describe("downloadFile", () => {
  test("fetches a file and leaves nothing else behind", async () => {
    const file = await remoteFile();
    const progress: number[] = [];
    await download(file, { onProgress: (received) => progress.push(received) });
    await expectArrived(file);
    expect(progress[0]).toBe(0);
    expect(progress.at(-1)).toBe(content.length);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect(server.requests).toHaveLength(1);
  });

  test("does nothing when the file is there", async () => {
    const file = await remoteFile();
    await download(file);
    await download(file);
    expect(server.requests).toHaveLength(1);
  });

  test("goes on where an interrupted run stopped", async () => {
    const file = await remoteFile();
    await leavePartial(file, content.subarray(0, half));
    const progress: number[] = [];
    await download(file, { onProgress: (received) => progress.push(received) });
    await expectArrived(file);
    expect(ranges()).toEqual([`bytes=${half}-`]);
    expect(server.requests[0]!.headers["if-range"]).toBe('"v1"');
    expect(progress[0]).toBe(half);
  });

  test("goes on after a connection that broke", async () => {
    const file = await remoteFile();
    server.script.push(cutAfter(half));
    await download(file);
    await expectArrived(file);
    expect(server.requests).toHaveLength(2);
    expect(ranges()[1]).toMatch(/^bytes=\d+-$/);
  });

  test("goes on after a connection that stalled", async () => {
    const file = await remoteFile();
    server.script.push((_request, response) => {
      response.writeHead(200, { "content-length": content.length });
      response.write(content.subarray(0, half));
    });
    await download(file, { retry: { ...retry, attempts: 10, stallTimeout: 0.5 } });
    await expectArrived(file);
    expect(ranges()[1]).toMatch(/^bytes=\d+-$/);
  });

  test("starts over when the server's file has changed since", async () => {
    const file = await remoteFile();
    await leavePartial(file, Buffer.alloc(half), { etag: '"v0"' });
    await download(file);
    await expectArrived(file);
    expect(server.requests).toHaveLength(1);
  });

  test("starts over when the beginning turns out to be wrong", async () => {
    const file = await remoteFile();
    await leavePartial(file, Buffer.alloc(half));
    await download(file);
    await expectArrived(file);
    expect(ranges()).toEqual([`bytes=${half}-`, undefined]);
  });

  test("starts over when the server ignores ranges", async () => {
    const file = await remoteFile();
    server.files.set("/model.bin", { content, ranges: false });
    await leavePartial(file, content.subarray(0, half));
    await download(file);
    await expectArrived(file);
  });

  test("starts over when the server has no such range", async () => {
    const file = await remoteFile();
    await leavePartial(file, content.subarray(0, half));
    server.script.push(status(416));
    await download(file);
    await expectArrived(file);
    expect(ranges()).toEqual([`bytes=${half}-`, undefined]);
  });

  test.each([
    ["is larger than the file", Buffer.alloc(content.length + 1), {}],
    ["belongs to another version of the model", content.subarray(0, half), { sha256: "0".repeat(64) }],
  ])("starts over when the beginning %s", async (_, bytes, note) => {
    const file = await remoteFile();
    await leavePartial(file, bytes, note);
    await download(file);
    await expectArrived(file);
    expect(ranges()).toEqual([undefined]);
  });

  test("asks for nothing when all of it had arrived", async () => {
    const file = await remoteFile();
    await leavePartial(file, content);
    await download(file);
    await expectArrived(file);
    expect(server.requests).toHaveLength(0);
  });

  test("deletes a file with the wrong hash, and says so", async () => {
    const file = await remoteFile({ sha256: "0".repeat(64) });
    await expect(download(file)).rejects.toMatchObject({
      code: "MODEL_INVALID",
      message: expect.stringMatching(/model sample .* damaged .* SHA-256 is .*, expected 0000/),
    });
    expect(await readdir(join(file.path, ".."))).toEqual([]);
    expect(server.requests).toHaveLength(1);
  });

  test.each([
    ["size", (_request: unknown, response: ServerResponse) => void response.end("<html>Log in</html>")],
    [
      "range",
      (_request: unknown, response: ServerResponse) => {
        response
          .writeHead(206, { "content-range": `bytes 0-${content.length - 1}/${content.length}` })
          .end(content);
      },
    ],
  ])("refuses an answer of the wrong %s", async (_, answer) => {
    const file = await remoteFile();
    await leavePartial(file, content.subarray(0, half));
    server.script.push(answer);
    await expect(download(file)).rejects.toMatchObject({ code: "MODEL_INVALID" });
    expect(server.requests).toHaveLength(1);
  });

  test("refuses more than was announced", async () => {
    const file = await remoteFile();
    server.script.push(
      (_request, response) => void response.writeHead(200).end(Buffer.concat([content, content])),
    );
    await expect(download(file)).rejects.toMatchObject({ code: "MODEL_INVALID" });
  });
});

describe("failures of the server", () => {
  test.each([429, 500, 502, 503, 504])("status %i is tried again", async (code) => {
    const file = await remoteFile();
    server.script.push(status(code, { "retry-after": "0" }));
    await download(file);
    await expectArrived(file);
    expect(server.requests).toHaveLength(2);
  });

  test.each([400, 403, 404, 410, 451])("status %i is final", async (code) => {
    const file = await remoteFile();
    server.script.push(status(code));
    await expect(download(file)).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
      message: expect.stringMatching(new RegExp(`model sample from ${file.url}: HTTP status ${code}`)),
    });
    expect(server.requests).toHaveLength(1);
  });

  test("gives up after the last try", async () => {
    const file = await remoteFile();
    server.script.push(status(500), status(500), status(500));
    await expect(download(file)).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
      message: expect.stringContaining("HTTP status 500 (tried 3 times)"),
    });
    expect(server.requests).toHaveLength(3);
  });

  test("says when the server cannot be reached", async () => {
    const closed = await FileServer.start();
    const file = await remoteFile({ url: `${closed.url}/model.bin` });
    await closed.close();
    await expect(download(file)).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
      message: expect.stringContaining("ECONNREFUSED"),
    });
  });

  test("what the caller's progress callback throws is not tried again", async () => {
    const file = await remoteFile();
    const failing = (): void => {
      throw new Error("from the callback");
    };
    await expect(download(file, { onProgress: failing })).rejects.toThrow("from the callback");
    expect(server.requests).toHaveLength(1);
  });
});

describe("redirects and tokens", () => {
  const redirect = (location: string) => status(302, { location });
  const authorizations = (of: FileServer) => of.requests.map((request) => request.headers.authorization);

  test("follows redirects, relative ones and to other servers", async () => {
    const file = await remoteFile();
    server.script.push(redirect("/elsewhere"), redirect(`${other.url}/model.bin`));
    await download(file);
    await expectArrived(file);
    expect(server.requests.map((request) => request.url)).toEqual(["/model.bin", "/elsewhere"]);
  });

  test("sends the token only when asked, and never to another server", async () => {
    const file = await remoteFile();
    server.script.push(status(401), redirect(`${other.url}/model.bin`));
    await download(file, { token: "secret" });
    await expectArrived(file);
    expect(authorizations(server)).toEqual([undefined, "Bearer secret"]);
    expect(authorizations(other)).toEqual([undefined]);
  });

  test("does not send the token to another server that asks for it", async () => {
    const file = await remoteFile();
    server.script.push(redirect(`${other.url}/model.bin`));
    other.script.push(status(401));
    await expect(download(file, { token: "secret" })).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
    expect(authorizations(other)).toEqual([undefined]);
  });

  test("names HF_TOKEN when the server wants one", async () => {
    const file = await remoteFile();
    server.script.push(status(401), status(401));
    await expect(download(file, { token: "wrong" })).rejects.toThrow("HF_TOKEN");
    await expect(download(await remoteFile({ url: `${server.url}/none` }))).rejects.not.toThrow("HF_TOKEN");
  });

  test.each(["ftp://127.0.0.1/model.bin", "http://", ""])("refuses a redirect to %j", async (location) => {
    const file = await remoteFile();
    server.script.push(redirect(location));
    if (location === "") server.script.push(...Array.from({ length: 11 }, () => redirect("")));
    await expect(download(file)).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
      message: expect.stringContaining("redirect"),
    });
  });
});

describe("cancelling", () => {
  test("stops a transfer, keeps what arrived and goes on with it later", async () => {
    const file = await remoteFile();
    const controller = new AbortController();
    server.script.push((_request, response) => {
      response.writeHead(200, { "content-length": content.length, etag: '"v1"' });
      response.write(content.subarray(0, half));
    });
    const onProgress = (received: number): void => {
      if (received > 0) controller.abort();
    };
    await expect(download(file, { onProgress, signal: controller.signal })).rejects.toMatchObject({
      code: "CANCELLED",
    });
    expect(await readdir(join(file.path, ".."))).toEqual(["model.bin.partial", "model.bin.partial.json"]);
    await download(file);
    await expectArrived(file);
    expect(ranges()[1]).toMatch(/^bytes=\d+-$/);
  });

  test("stops a wait between tries", async () => {
    const file = await remoteFile();
    const controller = new AbortController();
    server.script.push((_request, response) => {
      response.writeHead(500).end();
      setTimeout(() => controller.abort(), 50);
    });
    const patient = { ...retry, firstDelay: 3600, maxDelay: 3600 };
    await expect(download(file, { retry: patient, signal: controller.signal })).rejects.toMatchObject({
      code: "CANCELLED",
    });
  });

  test("does nothing for a signal that has fired", async () => {
    const file = await remoteFile();
    await expect(download(file, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "CANCELLED",
    });
    expect(server.requests).toHaveLength(0);
  });

  test("of one caller does not harm another who wants the same file", async () => {
    const file = await remoteFile();
    const controller = new AbortController();
    let second: Promise<void> | undefined;
    server.script.push((_request, response) => {
      response.writeHead(200, { "content-length": content.length, etag: '"v1"' });
      response.write(content.subarray(0, half));
    });
    const onProgress = (received: number): void => {
      if (received === 0) second = download(file);
      else controller.abort();
    };
    const first = download(file, { onProgress, signal: controller.signal });
    await expect(first).rejects.toMatchObject({ code: "CANCELLED" });
    await second;
    await expectArrived(file);
  });
});

describe("proxies", () => {
  test("are taken from the environment", async () => {
    const tunnels: string[] = [];
    const proxy = createServer().on("connect", (request: IncomingMessage, socket: Socket) => {
      tunnels.push(request.url!);
      const target = connect(Number(new URL(server.url).port), "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        socket.pipe(target).pipe(socket);
      });
      target.on("error", () => socket.destroy());
      socket.on("error", () => target.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void proxy.close());
    vi.stubEnv("http_proxy", `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
    vi.stubEnv("no_proxy", "");
    onTestFinished(() => void vi.unstubAllEnvs());
    const file = await remoteFile({ url: "http://models.invalid/model.bin" });
    await download(file);
    await expectArrived(file);
    expect(tunnels).toEqual(["models.invalid:80"]);
  });
});

describe("the disk", () => {
  test("is asked for room before anything is transferred", async () => {
    const file = await remoteFile({ bytes: 2 ** 52 });
    await expect(download(file)).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
      message: expect.stringMatching(/Not enough space for model sample in .* needed, .* free/),
    });
    expect(server.requests).toHaveLength(0);
  });

  test("that fills up on the way is reported as full", async () => {
    const file = await remoteFile();
    server.script.push((request, response) => {
      symlinkSync("/dev/full", `${file.path}.partial`);
      server.serve(request, response);
    });
    await expect(download(file)).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
      message: expect.stringContaining("disk is full"),
    });
  });

  test("with something else in the way is reported", async () => {
    const file = await remoteFile();
    await mkdir(join(file.path, "something"), { recursive: true });
    await expect(download(file)).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
      message: expect.stringContaining("in the way"),
    });
    const inFile = await remoteFile();
    await writeFile(join(inFile.path, ".."), "");
    await expect(download(inFile)).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
  });
});
