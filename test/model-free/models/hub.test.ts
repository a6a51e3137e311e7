import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { fetchCheckpoint } from "../../../src/models/hub.js";
import { isHubName } from "../../../src/models/hub-name.js";
import { failure } from "../../support/demo.js";
import { type Answer, cutAfter, FileServer, status } from "../../support/file-server.js";
import { sampleContent, sampleEnvironment } from "../../support/model-environment.js";
import { temporaryFolder } from "../../support/temporary-folder.js";

const NAME = "Vikhrmodels/Borealis";
const REVISION = "0123456789abcdef0123456789abcdef01234567";
const API = `/api/models/${NAME}/revision/main?blobs=true`;
const weights = sampleContent(300_000);
const config = Buffer.from('{"model_type":"borealis"}');

let server: FileServer;
beforeAll(async () => {
  server = await FileServer.start();
});
afterAll(() => server.close());

const gitBlob = (content: Buffer) =>
  createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");
const small = (rfilename: string, content: Buffer) => ({
  rfilename,
  size: content.length,
  blobId: gitBlob(content),
});
const large = (rfilename: string, content: Buffer) => ({
  ...small(rfilename, content),
  lfs: { sha256: createHash("sha256").update(content).digest("hex"), size: content.length },
});

function list(siblings: unknown[]): void {
  server.files.set(API, { content: Buffer.from(JSON.stringify({ sha: REVISION, siblings })) });
}

beforeEach(() => {
  server.requests.length = 0;
  server.script.length = 0;
  server.files.clear();
  const contents: Record<string, Buffer> = {
    "config.json": config,
    "tokenizer.json": weights.subarray(0, 5000),
    "pytorch_model.bin": weights,
    "README.md": config,
  };
  for (const [path, content] of Object.entries(contents))
    server.files.set(`/${NAME}/resolve/${REVISION}/${path}`, { content, etag: '"v1"' });
  list([
    small("README.md", config),
    small("config.json", config),
    large("tokenizer.json", weights.subarray(0, 5000)),
    large("pytorch_model.bin", weights),
    small("../config.json", config),
    small("/etc/config.json", config),
    { rfilename: "encoder/config.json", size: -1 },
  ]);
});

const paths = () => server.requests.map(({ url }) => url!.replace(`/${NAME}/resolve/${REVISION}/`, ""));

async function fetch(cacheDirectory: string, change: object = {}): Promise<string> {
  return fetchCheckpoint(NAME, sampleEnvironment([], { cacheDirectory, mirror: server.url, ...change }), {
    onDownload: undefined,
    signal: undefined,
  });
}

test("a checkpoint comes whole, checked, without what nobody needs, and only once", async () => {
  const cache = await temporaryFolder();
  const seen: number[] = [];
  const folder = await fetchCheckpoint(
    NAME,
    sampleEnvironment([], { cacheDirectory: cache, mirror: server.url }),
    {
      onDownload: ({ received, total }) => seen.push(received / total!),
      signal: undefined,
    },
  );
  expect(folder).toBe(join(cache, "hub", "Vikhrmodels", REVISION, "Borealis"));
  expect(readdirSync(folder).sort()).toEqual(["config.json", "pytorch_model.bin", "tokenizer.json"]);
  expect(readFileSync(join(folder, "pytorch_model.bin")).equals(weights)).toBe(true);
  expect(seen.at(-1)).toBe(1);
  expect(paths()).toEqual([API, "config.json", "tokenizer.json", "pytorch_model.bin"]);
  expect(await fetch(cache)).toBe(folder);
  expect(paths().slice(4)).toEqual([API]);
});

test("safetensors are taken where there are both, with all shards", async () => {
  const index = "model.safetensors.index.json";
  list([
    small("config.json", config),
    small(index, config),
    large("model-00001-of-00002.safetensors", weights),
    large("model-00002-of-00002.safetensors", weights),
    large("pytorch_model.bin", weights),
  ]);
  for (const path of [index, "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"])
    server.files.set(`/${NAME}/resolve/${REVISION}/${path}`, { content: path === index ? config : weights });
  const folder = await fetch(await temporaryFolder());
  expect(readdirSync(folder)).toHaveLength(4);
  expect(existsSync(join(folder, "pytorch_model.bin"))).toBe(false);
});

test("an interrupted download goes on where it ended", async () => {
  const plain: Answer = (request, response) => server.serve(request, response);
  server.script.push(plain, plain, plain, cutAfter(150_000));
  const folder = await fetch(await temporaryFolder());
  expect(readFileSync(join(folder, "pytorch_model.bin")).equals(weights)).toBe(true);
  expect(paths().slice(3)).toEqual(["pytorch_model.bin", "pytorch_model.bin"]);
  expect(server.requests[4]!.headers.range).toMatch(/^bytes=[1-9]\d*-$/);
});

test("a damaged file is refused, large or small", async () => {
  const damage = (path: string, content: Buffer) =>
    server.files.set(`/${NAME}/resolve/${REVISION}/${path}`, { content });
  damage("config.json", Buffer.from('{"model_type":"whisper"} '));
  expect(await failure(fetch(await temporaryFolder()))).toMatchObject({
    code: "MODEL_INVALID",
    message: expect.stringContaining("its git hash is"),
  });
  damage("config.json", config);
  damage("pytorch_model.bin", Buffer.from(weights).fill(0, 5, 9));
  expect(await failure(fetch(await temporaryFolder()))).toMatchObject({
    code: "MODEL_INVALID",
    message: expect.stringContaining("its SHA-256 is"),
  });
});

test("the token is sent only when the server asks for it", async () => {
  const open = await fetch(await temporaryFolder(), { mirrorToken: "secret" });
  expect(existsSync(open)).toBe(true);
  expect(server.requests.every(({ headers }) => headers.authorization === undefined)).toBe(true);
  server.script.push(status(401));
  await fetch(await temporaryFolder(), { mirrorToken: "secret" });
  expect(server.requests[5]!.headers.authorization).toBe("Bearer secret");
  server.script.push(status(401));
  expect(await failure(fetch(await temporaryFolder()))).toMatchObject({
    code: "MODEL_NOT_FOUND",
    message: expect.stringMatching(/Borealis: .* HTTP status 401; if the model needs an account/),
  });
});

test("the Hub's token is not told to a mirror that asks for it", async () => {
  server.script.push(status(401));
  expect(await failure(fetch(await temporaryFolder(), { token: "hf_secret" }))).toMatchObject({
    code: "MODEL_NOT_FOUND",
    message: expect.stringContaining("AGORA_MIRROR_TOKEN"),
  });
  expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
});

test("what is no checkpoint, or may not be fetched, is an error that says why", async () => {
  const expectFailure = async (part: string, change: object = {}) =>
    expect(await failure(fetch(await temporaryFolder(), change))).toMatchObject({
      code: "MODEL_NOT_FOUND",
      message: expect.stringContaining(part),
    });
  await expectFailure("AGORA_OFFLINE forbids downloads", { offline: true });
  list([small("config.json", config)]);
  await expectFailure("neither model.safetensors, pytorch_model.bin nor model.bin");
  for (const content of ["<html>", "{}", '{"sha":"main","siblings":[]}']) {
    server.files.set(API, { content: Buffer.from(content) });
    await expectFailure("the Hub's answer");
  }
  server.files.delete(API);
  await expectFailure("HTTP status 404");
});

test.each([
  ["Vikhrmodels/Borealis-5b-it", true],
  ["openai/whisper-large-v3", true],
  ["./model", false],
  ["../model", false],
  ["a/b/c", false],
  ["model", false],
  ["a/.git", false],
])("%s is a name on the Hub: %s", (name, expected) => {
  expect(isHubName(name)).toBe(expected);
});

test("a revision after the name is asked for in its place", async () => {
  const content = server.files.get(API)!;
  server.files.clear();
  server.files.set(API.replace("/main?", "/v2.0?"), content);
  for (const [path, bytes] of Object.entries({
    "config.json": config,
    "tokenizer.json": weights.subarray(0, 5000),
    "pytorch_model.bin": weights,
  }))
    server.files.set(`/${NAME}/resolve/${REVISION}/${path}`, { content: bytes, etag: '"v1"' });
  const environment = sampleEnvironment([], { cacheDirectory: await temporaryFolder(), mirror: server.url });
  const folder = await fetchCheckpoint(`${NAME}@v2.0`, environment, {
    onDownload: undefined,
    signal: undefined,
  });
  expect(readdirSync(folder)).toContain("config.json");
});
