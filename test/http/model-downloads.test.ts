import { describe, expect, it, onTestFinished } from "vitest";
import type { DownloadModelOptions, ModelListing } from "../../src/index.js";
import { TranscriptionError } from "../../src/index.js";
import { createLog } from "../../src/service/log.js";
import { Downloads } from "../../src/service/models/downloads.js";
import { FileServer } from "../support/file-server.js";
import { answered, startHttp } from "../support/http-server.js";
import { until } from "../support/server.js";
import { temporaryFolder } from "../support/temporary-folder.js";

const PATH = "/api/models";
const ask = async (url: string, path = "", method = "GET") =>
  answered(await fetch(`${url}${PATH}${path}`, { method }));

const listing = (name: string, state: ModelListing["state"]): ModelListing => ({
  name,
  kind: "whisper",
  state,
  isDefault: false,
  bytes: 1000,
  bytesOnDisk: state === "partial" ? 400 : 0,
  licence: "MIT",
  description: "A model",
});

/** Downloads whose ends are the test's to say. */
function scripted(isAllowed = true) {
  const models = ["tiny", "base", "small"].map((name) => listing(name, "available"));
  models.push(listing("medium", "partial"), listing("large", "cached"), listing("/folder", "unknown"));
  const asked: { name: string; options: DownloadModelOptions; done(): void; fail(error: Error): void }[] = [];
  const log: string[] = [];
  const downloads = new Downloads(
    { cacheDir: undefined, modelDownloads: isAllowed },
    createLog("INFO", (line) => void log.push(line))("Server"),
    {
      list: async () => models,
      download: (name, options) =>
        new Promise<void>((resolve, reject) => {
          options.signal!.addEventListener("abort", () => reject(new Error("stopped")));
          asked.push({ name, options, done: resolve, fail: reject });
        }),
    },
  );
  const stateOf = async (name: string) => (await downloads.list()).find((model) => model.name === name)!;
  return { asked, downloads, log, models, stateOf };
}

describe("a download of a model that a client asks for", () => {
  it("tells how far it is, and the model is here when it is done", async () => {
    const { asked, downloads, log, models, stateOf } = scripted();
    await downloads.start("medium");
    expect(await stateOf("medium")).toMatchObject({
      isHere: false,
      download: { received: 400, total: 1000 },
    });
    asked[0]!.options.onProgress!({ model: "medium", received: 700, total: 1000 });
    expect((await stateOf("medium")).download).toMatchObject({
      received: 700,
      total: 1000,
      error: undefined,
    });
    models[3] = listing("medium", "cached");
    asked[0]!.done();
    await until(async () => (await stateOf("medium")).download === undefined);
    expect((await stateOf("medium")).isHere).toBe(true);
    expect(log.join("")).toContain("Downloaded model medium");
  });

  it("is begun once, and no more are at a time than may be", async () => {
    const { asked, downloads } = scripted();
    await downloads.start("tiny");
    await expect(downloads.start("tiny")).rejects.toThrow("is being downloaded already");
    await expect(downloads.start("large")).rejects.toThrow("is here already");
    await downloads.start("base");
    await expect(downloads.start("small")).rejects.toMatchObject({ code: "QUEUE_FULL" });
    expect(asked.map(({ name }) => name)).toEqual(["tiny", "base"]);
  });

  it("says why it has failed, and can be begun anew", async () => {
    const { asked, downloads, log, stateOf } = scripted();
    await downloads.start("tiny");
    asked[0]!.fail(new TranscriptionError("STORAGE_FAILED", "The disk is full"));
    await until(async () => (await stateOf("tiny")).download?.error !== undefined);
    expect((await stateOf("tiny")).download!.error).toMatchObject({ code: "STORAGE_FAILED" });
    expect(log.join("")).toContain("Cannot download model tiny: The disk is full");
    await downloads.start("tiny");
    expect((await stateOf("tiny")).download!.error).toBeUndefined();
    expect(asked).toHaveLength(2);
  });

  it("is stopped when somebody says so, and when the server closes", async () => {
    const { asked, downloads, stateOf } = scripted();
    await downloads.start("tiny");
    expect(downloads.cancel("tiny")).toBe(true);
    expect(downloads.cancel("tiny")).toBe(false);
    expect(asked[0]!.options.signal!.aborted).toBe(true);
    expect((await stateOf("tiny")).download).toBeUndefined();
    // Another one may have begun before the first has ended.
    await downloads.start("tiny");
    await until(async () => (await stateOf("tiny")).download !== undefined);
    downloads.close();
    expect(asked[1]!.options.signal!.aborted).toBe(true);
  });

  it.each(["../tiny", "https://example.org/a.bin", "/folder", "openai/whisper-tiny", "", "TINY"])(
    "is of the registry's models alone, and not of %j",
    async (name) => {
      const { asked, downloads } = scripted();
      await expect(downloads.start(name)).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
      expect(asked).toEqual([]);
    },
  );

  it("is begun nowhere where the operator does not let it", async () => {
    const { asked, downloads } = scripted(false);
    await expect(downloads.start("tiny")).rejects.toThrow("MODEL_DOWNLOADS");
    expect(asked).toEqual([]);
  });
});

describe("over HTTP", () => {
  it("models are listed, and none is downloaded unless that is allowed", async () => {
    const { url } = await startHttp({ settings: { cacheDir: await temporaryFolder() } });
    const { json } = await ask(url);
    expect(json.downloads).toBe(false);
    expect(json.models).toContainEqual(
      expect.objectContaining({ name: "demo", installed: true, download: null }),
    );
    expect(json.models).toContainEqual(
      expect.objectContaining({ name: "tiny", installed: false, licence: "MIT" }),
    );
    expect(await ask(url, "/tiny/download", "POST")).toMatchObject({
      status: 403,
      json: { code: "FORBIDDEN" },
    });
    for (const name of ["..%2ftiny", "a%00b", "openai%2fwhisper-tiny"])
      expect((await ask(url, `/${name}/download`, "POST")).status).toBe(404);
  });

  it("a model is fetched from where its operator has it, and what is not it is not kept", async () => {
    const mirror = await FileServer.start();
    onTestFinished(() => mirror.close());
    process.env.AGORA_MODEL_MIRROR = mirror.url;
    onTestFinished(() => {
      delete process.env.AGORA_MODEL_MIRROR;
    });
    const settings = { cacheDir: await temporaryFolder(), modelDownloads: true };
    const { url } = await startHttp({ settings });
    expect((await ask(url, "/demo/download", "POST")).status).toBe(409);
    expect((await ask(url, "/tinny/download", "POST")).status).toBe(404);
    expect((await ask(url, "/tiny/download", "DELETE")).status).toBe(404);
    expect(await ask(url, "/tiny/download", "POST")).toMatchObject({ status: 202, json: { name: "tiny" } });
    // biome-ignore lint/suspicious/noExplicitAny: a document
    const tiny = async () => (await ask(url)).json.models.find((model: any) => model.name === "tiny");
    await until(async () => (await tiny()).download?.error != null);
    expect(mirror.requests.length).toBeGreaterThan(0);
    expect(await tiny()).toMatchObject({
      installed: false,
      download: { error: { code: expect.any(String) } },
    });
    expect((await ask(url, "/tiny/download", "DELETE")).status).toBe(204);
    expect((await tiny()).download).toBeNull();
  });
});
