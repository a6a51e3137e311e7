import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import {
  createTranscriber,
  type DownloadProgress,
  downloadModel,
  inspectModel,
  listModels,
  removeModel,
} from "../../src/index.js";
import { startServer } from "../../src/server/server.js";
import { readSettings } from "../../src/service/read-settings.js";
import { glide } from "../support/audio.js";
import { writeRunnable } from "../support/borealis-runnable.js";
import { codeOf, failure } from "../support/demo.js";
import { FileServer, status } from "../support/file-server.js";
import { folderOf } from "../support/folder-of.js";
import { publishOnHub } from "../support/hub-server.js";
import { temporaryFolder } from "../support/temporary-folder.js";

// Its thread could not read TypeScript here.
vi.mock("../../src/models/convert/in-worker.js", async () => ({
  convertInWorker: (await import("../../src/models/convert/convert-checkpoint.js")).convertCheckpoint,
}));

const NAME = "Vikhrmodels/Borealis";
const short = { samples: glide(3, 16_000), sampleRate: 16_000 };
const BRIEF = { maxTokens: 8, temperature: 0 } as const;

let checkpoint: string;
let hub: FileServer;
let cache: string;
const inCache = (...parts: string[]) => join(cache, "converted", ...parts);

beforeAll(async () => {
  checkpoint = mkdtempSync(join(tmpdir(), "agora-hub-"));
  writeRunnable(checkpoint, 1);
  hub = await FileServer.start();
  publishOnHub(hub, NAME, checkpoint);
});
afterAll(async () => {
  await hub.close();
  rmSync(checkpoint, { recursive: true, force: true });
});
beforeEach(async () => {
  cache = await temporaryFolder();
  vi.stubEnv("AGORA_CACHE_DIR", cache);
  vi.stubEnv("AGORA_MODEL_MIRROR", hub.url);
  vi.stubEnv("AGORA_MODEL", "");
  vi.stubEnv("AGORA_OFFLINE", "");
  hub.requests.length = 0;
  return () => vi.unstubAllEnvs();
});

describe("a model on the Hugging Face Hub", () => {
  test("is downloaded, converted and kept when it is first used, and needs no network after that", async () => {
    const seen: DownloadProgress[] = [];
    const first = await createTranscriber({
      model: NAME,
      vadModel: null,
      onDownload: (progress) => seen.push(progress),
    });
    expect(first.info).toMatchObject({
      implementation: "borealis",
      model: { name: NAME, weightType: "q8_0" },
    });
    const { text } = await first.transcribe(short, BRIEF);
    await first.close();
    const download = seen.filter(({ converted }) => converted === undefined);
    expect(download.at(-1)?.received).toBe(download.at(-1)?.total);
    expect(seen.at(-1)).toMatchObject({ model: NAME, converted: 1 });
    expect(readdirSync(inCache("Vikhrmodels"))).toEqual(["Borealis"]);
    expect(readdirSync(inCache(NAME)).sort()).toEqual(["Borealis-q8_0.gguf", "mmproj-Borealis-q8_0.gguf"]);

    const { length } = hub.requests;
    vi.stubEnv("AGORA_OFFLINE", "1");
    const second = await createTranscriber({ model: NAME, vadModel: null, download: false });
    expect((await second.transcribe(short, BRIEF)).text).toBe(text);
    await second.close();
    expect(hub.requests).toHaveLength(length);
  });

  test("is fetched once for all who want it at once", async () => {
    const models = await Promise.all([1, 2, 3].map(() => downloadModel(NAME)));
    expect(new Set(models.map(({ path }) => path)).size).toBe(1);
    const fetched = hub.requests.map(({ url }) => url!.split("/").at(-1));
    expect(fetched.filter((file) => file === "model.safetensors")).toHaveLength(1);
  });

  test("is the default of the implementation borealis", async () => {
    const transcriber = await createTranscriber({ implementation: "borealis", vadModel: null });
    expect(transcriber.info.model.name).toBe(NAME);
    await transcriber.close();
  });

  test("is what a server without settings serves", async () => {
    const lines: string[] = [];
    const settings = { ...readSettings({}), host: "localhost", port: 0, http: false };
    const server = await startServer(settings, { log: (line) => lines.push(line) });
    try {
      expect(await server.ready).toMatchObject({ implementation: "borealis", model: NAME });
      const steps = lines.join("").match(/(Downloading|Converting) model \S+|Serving with borealis/g);
      expect(steps).toEqual([
        `Downloading model ${NAME}`,
        `Converting model ${NAME}`,
        "Serving with borealis",
      ]);
    } finally {
      await server.stop();
    }
  });

  test("is listed, inspected and removed by its name", async () => {
    const { path } = await downloadModel(NAME);
    const { bytes, ...listing } = (await listModels()).find(({ name }) => name === NAME)!;
    expect(listing).toMatchObject({ kind: "borealis", state: "cached", path, bytesOnDisk: bytes });
    expect(await inspectModel(NAME)).toMatchObject({
      kind: "borealis",
      name: NAME,
      path,
      audioPath: inCache(NAME, "mmproj-Borealis-q8_0.gguf"),
      type: "qwen2",
      weightType: "q8_0",
      melBands: 128,
      fileBytes: bytes,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(await removeModel(NAME)).toEqual({ path: inCache(NAME), bytes });
    expect(existsSync(inCache(NAME))).toBe(false);
    expect(await codeOf(removeModel(NAME))).toBe("MODEL_NOT_FOUND");
  });

  test("that no converter knows is refused by its settings, and nothing of it stays", async () => {
    const stranger = await folderOf({
      "config.json": { model_type: "llama" },
      "model.safetensors": readFileSync(join(checkpoint, "model.safetensors")).subarray(0, 100),
    });
    publishOnHub(hub, "someone/llama", stranger);
    expect(await failure(downloadModel("someone/llama"))).toEqual({
      code: "MODEL_INVALID",
      message: expect.stringContaining('model_type is "llama", expected "whisper" or "borealis"'),
    });
    expect(readdirSync(inCache("someone"))).toEqual([]);
    expect(hub.requests.map(({ url }) => url!.split("/").at(-1))).not.toContain("model.safetensors");
  });

  test("that has nowhere to go is an error that says so", async () => {
    vi.stubEnv("AGORA_CACHE_DIR", join(checkpoint, "config.json"));
    expect(await failure(downloadModel(NAME))).toEqual({
      code: "MODEL_NOT_FOUND",
      message: expect.stringContaining("is in the way"),
    });
  });

  test("whose conversion broke off is made anew", async () => {
    await mkdir(inCache(NAME), { recursive: true });
    await writeFile(inCache(NAME, "Borealis-q8_0.gguf"), "half of it");
    await writeFile(inCache(NAME, "mmproj-Borealis-q8_0.gguf.0123abcd.partial"), "half of it");
    await downloadModel(NAME);
    expect(readdirSync(inCache(NAME)).sort()).toEqual(["Borealis-q8_0.gguf", "mmproj-Borealis-q8_0.gguf"]);
    expect(await inspectModel(NAME)).toMatchObject({ kind: "borealis" });
  });
});

describe("a name that leads to no model", () => {
  const load = (model: string, options = {}) => failure(createTranscriber({ model, ...options }));

  test("says what the Hub says", async () => {
    expect(await load("Vikhrmodels/Nothing")).toEqual({
      code: "MODEL_NOT_FOUND",
      message: expect.stringMatching(/no file or folder "Vikhrmodels\/Nothing".*HTTP status 404/s),
    });
  });

  test("is not asked for where nothing may be downloaded", async () => {
    expect(await load(NAME, { download: false })).toEqual({
      code: "MODEL_NOT_FOUND",
      message: expect.stringContaining(`agora-transcribe models download ${NAME}`),
    });
    vi.stubEnv("AGORA_OFFLINE", "1");
    expect((await load(NAME)).message).toContain("AGORA_OFFLINE forbids downloads");
    expect(hub.requests).toHaveLength(0);
  });

  test("in a folder that is there, or with a model file's ending, is a path and no name", async () => {
    for (const path of ["test/borealis-q8_0", "nowhere/borealis.gguf"]) {
      expect(await load(path)).toEqual({
        code: "MODEL_NOT_FOUND",
        message: expect.stringContaining(`There is no model file "${path}"`),
      });
    }
    expect(hub.requests).toHaveLength(0);
  });

  test("that is the default lists the ways on", async () => {
    hub.script.push(status(404));
    const { code, message } = await failure(createTranscriber({ implementation: "borealis" }));
    expect(code).toBe("MODEL_NOT_FOUND");
    for (const part of ["No model was named", "HTTP status 404", `models download ${NAME}`, "--model demo"])
      expect(message).toContain(part);
  });
});
