import { symlinkSync } from "node:fs";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { cutAfter, FileServer, status } from "../../support/file-server.js";
import {
  content,
  download,
  expectArrived,
  half,
  leavePartial,
  ranges,
  remoteFile,
  retry,
  server,
} from "../../support/model-download.js";

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
