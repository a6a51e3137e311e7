import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  content,
  download,
  expectArrived,
  half,
  ranges,
  remoteFile,
  retry,
  server,
} from "../../support/model-download.js";

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
