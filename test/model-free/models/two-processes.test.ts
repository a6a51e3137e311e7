import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { FileServer } from "../../support/file-server.js";
import { sampleContent, sampleEntry } from "../../support/model-environment.js";
import { temporaryFolder } from "../../support/temporary-folder.js";

const support = (name: string): string => fileURLToPath(new URL(`../../support/${name}`, import.meta.url));
const content = sampleContent(300_000);

function startDownload(file: object): ChildProcess {
  const execArgv = ["--import", support("typescript-loader.mjs")];
  const child = fork(support("download-sample.ts"), [JSON.stringify(file)], { execArgv });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

async function setUp(): Promise<{ server: FileServer; folder: string; file: { path: string } & object }> {
  const server = await FileServer.start();
  onTestFinished(() => server.close());
  server.files.set("/model.bin", { content, etag: '"v1"' });
  const folder = await temporaryFolder();
  const { bytes, sha256 } = sampleEntry(content);
  const file = {
    name: "sample",
    url: `${server.url}/model.bin`,
    path: join(folder, "model.bin"),
    bytes,
    sha256,
  };
  return { server, folder, file };
}

async function exitCode(child: ChildProcess): Promise<unknown> {
  return child.exitCode ?? (await once(child, "exit"))[0];
}

test("two processes that want the same file fetch it once", async () => {
  const { server, folder, file } = await setUp();
  const children = [startDownload(file), startDownload(file)];
  const started = Promise.all(children.map((child) => once(child, "message")));
  // Half a second in which the other process would ask for the file too, were it not waiting for the first.
  server.script.push(async (request, response) => {
    await started;
    setTimeout(() => server.serve(request, response), 500);
  });
  expect(await Promise.all(children.map(exitCode))).toEqual([0, 0]);
  expect(server.requests).toHaveLength(1);
  expect((await readFile(file.path)).equals(content)).toBe(true);
  expect(await readdir(folder)).toEqual(["model.bin"]);
});

test("a process that ends in the middle leaves a download that another goes on with", async () => {
  const { server, folder, file } = await setUp();
  server.script.push((_request, response) => {
    response.writeHead(200, { "content-length": content.length, etag: '"v1"' });
    response.write(content.subarray(0, 150_000));
  });
  const first = startDownload(file);
  for (;;) {
    const [{ received }] = (await once(first, "message")) as [{ received?: number }];
    if (received) break;
  }
  first.kill("SIGTERM");
  await once(first, "exit");
  expect(await exitCode(startDownload(file))).toBe(0);
  expect(server.requests[1]!.headers.range).toMatch(/^bytes=\d+-$/);
  expect((await readFile(file.path)).equals(content)).toBe(true);
  expect(await readdir(folder)).toEqual(["model.bin"]);
});
