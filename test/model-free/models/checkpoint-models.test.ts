import { mkdir, readdir, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { ModelEnvironment } from "../../../src/models/environment.js";
import { cachedSnapshot, huggingFaceCache } from "../../../src/models/hugging-face-cache.js";
import { inspectModel, listModels, removeModel } from "../../../src/models/manage.js";
import { resolveModel } from "../../../src/models/resolve.js";
import { ctranslate2, ctranslate2Whisper, PROJECTION } from "../../support/ctranslate2-writer.js";
import { failure } from "../../support/demo.js";
import { FileServer } from "../../support/file-server.js";
import { folderOf } from "../../support/folder-of.js";
import { publishOnHub } from "../../support/hub-server.js";
import { sampleEnvironment } from "../../support/model-environment.js";
import { allTokens, smallWhisper } from "../../support/small-whisper.js";
import { temporaryFolder } from "../../support/temporary-folder.js";

// Its thread could not read TypeScript here.
vi.mock("../../../src/models/convert/in-worker.js", async () => ({
  convertInWorker: (await import("../../../src/models/convert/convert-checkpoint.js")).convertCheckpoint,
}));

const NAME = "Systran/faster-whisper-small";
const COMMIT = "fedcba9876543210fedcba9876543210fedcba98";
const files = {
  "config.json": Buffer.from(JSON.stringify({ alignment_heads: [[0, 0]], suppress_ids: [1] })),
  "vocabulary.json": Buffer.from(JSON.stringify(allTokens())),
  "model.bin": ctranslate2(ctranslate2Whisper(smallWhisper(), 1), [PROJECTION]),
};

let server: FileServer;
let environment: ModelEnvironment;
beforeAll(async () => {
  server = await FileServer.start();
});
afterAll(() => server.close());
beforeEach(async () => {
  server.requests.length = 0;
  server.files.clear();
  environment = sampleEnvironment([], { cacheDirectory: await temporaryFolder(), mirror: server.url });
});

/** The cache of Hugging Face's libraries with faster-whisper's model in it: links to files that are named by hashes. */
async function huggingFaceFolder(left: readonly string[] = []): Promise<string> {
  const cache = await temporaryFolder();
  const folder = join(cache, "models--Systran--faster-whisper-small");
  const snapshot = join(folder, "snapshots", COMMIT);
  for (const each of [snapshot, join(folder, "refs"), join(folder, "blobs")])
    await mkdir(each, { recursive: true });
  await writeFile(join(folder, "refs", "main"), COMMIT);
  for (const [index, [file, content]] of Object.entries(files).entries()) {
    if (!left.includes(file)) await writeFile(join(folder, "blobs", `hash${index}`), content);
    await symlink(join("..", "..", "blobs", `hash${index}`), join(snapshot, file));
  }
  return cache;
}

describe("models that were made of folders", () => {
  const listed = async () => (await listModels({}, environment)).filter(({ state }) => state === "cached");

  test("are listed with the folder that they come from, and inspected with it", async () => {
    const folder = await folderOf(files);
    const { path } = await resolveModel(folder, {}, environment);
    const [model, ...others] = await listed();
    expect(others).toEqual([]);
    expect(model).toMatchObject({ name: folder, kind: "whisper", path });
    expect(model!.description).toBe(`Made of the checkpoint in ${folder}`);
    expect(model!.bytes).toBeGreaterThan(1000);
    for (const name of [folder, path])
      expect(await inspectModel(name, {}, environment)).toMatchObject({ path, madeOf: folder });
  });

  test("go by their own file where the folder is gone or has changed", async () => {
    const folder = await folderOf(files);
    const { path } = await resolveModel(folder, {}, environment);
    await utimes(join(folder, "model.bin"), 1, 1);
    expect(await listed()).toMatchObject([
      { name: path, description: expect.stringMatching(/has changed since$/) },
    ]);
    await rm(folder, { recursive: true });
    expect(await listed()).toMatchObject([
      { name: path, description: expect.stringMatching(/is there no more$/) },
    ]);
  });

  test("are removed by the name of the folder or of the file, and the folder stays", async () => {
    const folder = await folderOf(files);
    for (const named of ["name", "path"] as const) {
      await resolveModel(folder, {}, environment);
      const [model] = await listed();
      expect((await removeModel(model![named]!, {}, environment)).bytes).toBe(model!.bytes);
      expect(await listed()).toEqual([]);
      expect(await readdir(join(environment.cacheDirectory, "folders"))).toEqual([]);
    }
    expect(await readdir(folder)).toHaveLength(Object.keys(files).length);
    await expect(removeModel(folder, {}, environment)).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
  });
});

describe("the folder of a checkpoint", () => {
  test("is a model: it is converted into the cache once, and again when it has changed", async () => {
    const folder = await folderOf(files);
    const fractions: (number | undefined)[] = [];
    const first = await resolveModel(
      folder,
      { onDownload: ({ converted }) => fractions.push(converted) },
      environment,
    );
    expect(first.path.startsWith(environment.cacheDirectory)).toBe(true);
    expect(fractions.at(-1)).toBe(1);
    expect(await inspectModel(folder, {}, environment)).toMatchObject({
      kind: "whisper",
      weightType: "q8_0",
    });

    fractions.length = 0;
    expect(await resolveModel(folder, {}, environment)).toEqual(first);
    expect(fractions).toEqual([]);

    await utimes(join(folder, "model.bin"), 1, 1);
    const second = await resolveModel(folder, {}, environment);
    expect(second.path).not.toBe(first.path);
    // What was made of the former files is gone.
    expect(await readdir(dirname(dirname(first.path)))).toHaveLength(1);
    expect(server.requests).toHaveLength(0);
  });

  test("that cannot be converted says why, and one without a checkpoint is no model", async () => {
    const damaged = await folderOf({ ...files, "model.bin": files["model.bin"].subarray(0, 1000) });
    expect((await failure(resolveModel(damaged, {}, environment))).message).toContain(
      "it ends inside variable",
    );
    const { code, message } = await failure(resolveModel(await temporaryFolder(), {}, environment));
    expect([code, message]).toEqual(["MODEL_INVALID", expect.stringContaining("is a folder")]);
  });
});

describe("a model of faster-whisper's by its name on the Hub", () => {
  test("is taken from the cache of Hugging Face's libraries, without network", async () => {
    const offline = { ...environment, huggingFaceCache: await huggingFaceFolder(), offline: true };
    const { path } = await resolveModel(NAME, {}, offline);
    expect(path).toBe(
      join(environment.cacheDirectory, "converted", NAME, "ggml-faster-whisper-small-q8_0.bin"),
    );
    expect(await resolveModel(NAME, {}, { ...environment, offline: true })).toMatchObject({ path });
    expect(server.requests).toHaveLength(0);
  });

  test("is downloaded and converted where there is none, or not all of it", async () => {
    publishOnHub(server, NAME, await folderOf(files));
    const incomplete = { ...environment, huggingFaceCache: await huggingFaceFolder(["model.bin"]) };
    const { path } = await resolveModel(NAME, {}, incomplete);
    expect(path).toContain("ggml-faster-whisper-small-q8_0.bin");
    expect(server.requests.map(({ url }) => url?.split("/").at(-1))).toContain("model.bin");
    await rm(environment.cacheDirectory, { recursive: true });
    const { code } = await failure(resolveModel(NAME, {}, { ...incomplete, offline: true }));
    expect(code).toBe("MODEL_NOT_FOUND");
  });
});

describe("the cache of Hugging Face's libraries", () => {
  test("lies where their variables say", () => {
    expect(huggingFaceCache({ HF_HUB_CACHE: "/a", HF_HOME: "/b" })).toBe("/a");
    expect(huggingFaceCache({ HF_HOME: "/b", XDG_CACHE_HOME: "/c" })).toBe("/b/hub");
    expect(huggingFaceCache({ XDG_CACHE_HOME: "/c" })).toBe("/c/huggingface/hub");
    expect(huggingFaceCache({ HF_HOME: "~/d" })).toMatch(/^\/.*\/d\/hub$/);
    expect(huggingFaceCache({})).toMatch(/\/\.cache\/huggingface\/hub$/);
  });

  test("has a checkpoint when all of its files are there, at a branch or a commit", async () => {
    const cache = await huggingFaceFolder();
    const snapshot = join(cache, "models--Systran--faster-whisper-small", "snapshots", COMMIT);
    expect(await cachedSnapshot(NAME, cache)).toBe(snapshot);
    expect(await cachedSnapshot(NAME, cache, COMMIT)).toBe(snapshot);
    expect(await cachedSnapshot(NAME, cache, "other")).toBeUndefined();
    expect(await cachedSnapshot(NAME, cache, "../refs/main")).toBeUndefined();
    expect(await cachedSnapshot("some/other", cache)).toBeUndefined();
    for (const missing of Object.keys(files))
      expect(await cachedSnapshot(NAME, await huggingFaceFolder([missing]))).toBeUndefined();
    const shards = {
      weight_map: { a: "model-00001-of-00002.safetensors", b: "model-00002-of-00002.safetensors" },
    };
    await writeFile(join(snapshot, "model.safetensors.index.json"), JSON.stringify(shards));
    expect(await cachedSnapshot(NAME, cache)).toBeUndefined();
  });
});

test("revisions of a checkpoint are models of their own", async () => {
  const huggingFaceCache = await huggingFaceFolder();
  await writeFile(join(huggingFaceCache, "models--Systran--faster-whisper-small", "refs", "v1"), COMMIT);
  const offline = { ...environment, huggingFaceCache, offline: true };
  const main = await resolveModel(NAME, {}, offline);
  const tagged = await resolveModel(`${NAME}@v1`, {}, offline);
  expect(tagged.path).not.toBe(main.path);
  expect(tagged.name).toBe(`${NAME}@v1`);
  expect(await failure(resolveModel(`${NAME}@v2`, {}, offline))).toMatchObject({ code: "MODEL_NOT_FOUND" });
});
