import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import lockfile from "proper-lockfile";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { TranscriptionError } from "../../../src/errors.js";
import type { ModelEnvironment } from "../../../src/models/environment.js";
import {
  downloadModel,
  inspectModel,
  listModels,
  quantizeModel,
  removeModel,
} from "../../../src/models/manage.js";
import { FileServer } from "../../support/file-server.js";
import { sampleContent, sampleEntry, sampleEnvironment } from "../../support/model-environment.js";
import { temporaryFolder } from "../../support/temporary-folder.js";

const addon = vi.hoisted(() => ({
  inspectModel: vi.fn(),
  inspectVadModel: vi.fn(),
  quantizeModel: vi.fn(),
  quantizeTypes: ["q5_0", "q8_0"],
  CancelFlag: class {
    cancel = vi.fn();
  },
}));
vi.mock("../../../src/addon/addon.js", () => ({ loadAddon: () => addon }));

const content = sampleContent(50_000);
const sample = sampleEntry(content);
const demo = {
  ...sample,
  name: "demo",
  file: "agora-demo-q8_0.bin",
  bundled: true,
  bytes: 17451053,
  maxWindow: 20,
};
const entries = [demo, sample, { ...sample, name: "other", file: "other.bin" }];

let server: FileServer;
let environment: ModelEnvironment;
let folder: string;

beforeAll(async () => {
  server = await FileServer.start();
  server.files.set("/example/models/ggml-sample.bin", { content });
});

afterAll(() => server.close());

beforeEach(async () => {
  vi.resetAllMocks();
  server.requests.length = 0;
  folder = join(await temporaryFolder(), "cache");
  environment = sampleEnvironment(entries, { cacheDirectory: folder, mirror: server.url });
});

describe("listModels", () => {
  const states = async (): Promise<object> =>
    Object.fromEntries((await listModels({}, environment)).map(({ name, state }) => [name, state]));

  test("works before the cache folder exists", async () => {
    expect(await states()).toEqual({ demo: "bundled", sample: "available", other: "available" });
  });

  test("tells what is there, how far, and what else", async () => {
    await downloadModel("sample", {}, environment);
    await writeFile(join(folder, "other.bin.partial"), "half");
    await writeFile(join(folder, "mine.bin"), "my own");
    await writeFile(join(folder, "notes.txt"), "");
    await mkdir(join(folder, "folder.bin"));
    const mine = join(folder, "mine.bin");
    expect(await states()).toEqual({
      demo: "bundled",
      sample: "cached",
      other: "partial",
      [mine]: "unknown",
    });
    expect(await listModels({}, environment)).toEqual([
      expect.objectContaining({ name: "demo", bytes: demo.bytes, bytesOnDisk: demo.bytes, isDefault: false }),
      expect.objectContaining({ name: "sample", path: join(folder, "ggml-sample.bin"), isDefault: true }),
      expect.objectContaining({ name: "other", bytes: content.length, bytesOnDisk: 4 }),
      expect.objectContaining({ name: mine, bytes: 6, path: mine }),
    ]);
  });
});

describe("downloadModel", () => {
  test("reports progress and answers with the file", async () => {
    const onProgress = vi.fn();
    expect(await downloadModel("sample", { onProgress }, environment)).toEqual({
      name: "sample",
      path: join(folder, "ggml-sample.bin"),
    });
    expect(onProgress).toHaveBeenLastCalledWith({
      model: "sample",
      received: content.length,
      total: content.length,
      licence: "MIT",
    });
  });

  test("of a bundled model does nothing", async () => {
    expect(await downloadModel("demo", {}, environment)).toMatchObject({ name: "demo" });
    expect(server.requests).toHaveLength(0);
  });

  test.each(["smaple", "../sample", "/etc/passwd", "sample\0", ""])("refuses %j", async (name) => {
    await expect(downloadModel(name, {}, environment)).rejects.toThrow(TranscriptionError);
    expect(server.requests).toHaveLength(0);
  });
});

describe("removeModel", () => {
  test("deletes the file and says how much that frees", async () => {
    const { path } = await downloadModel("sample", {}, environment);
    expect(await removeModel("sample", {}, environment)).toEqual({ path, bytes: content.length });
    expect(await readdir(folder)).toEqual([]);
  });

  test("deletes an interrupted download", async () => {
    await mkdir(folder);
    await writeFile(join(folder, "ggml-sample.bin.partial"), "half");
    await writeFile(join(folder, "ggml-sample.bin.partial.json"), "{}");
    await removeModel("sample", {}, environment);
    expect(await readdir(folder)).toEqual([]);
  });

  test("refuses what is not cached, bundled, or no name", async () => {
    await expect(removeModel("sample", {}, environment)).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
    await expect(removeModel("demo", {}, environment)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await mkdir(folder);
    await writeFile(join(folder, "../outside.bin"), "");
    await expect(removeModel("../outside", {}, environment)).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
    });
    expect(await readdir(join(folder, ".."))).toContain("outside.bin");
  });

  test("leaves alone what is being downloaded", async () => {
    await mkdir(folder);
    const path = join(folder, "ggml-sample.bin");
    await writeFile(`${path}.partial`, "half");
    const release = await lockfile.lock(path, { realpath: false });
    await expect(removeModel("sample", {}, environment)).rejects.toThrow(
      "being downloaded by another process",
    );
    await release();
    expect(await readdir(folder)).toEqual(["ggml-sample.bin.partial"]);
  });
});

describe("inspectModel", () => {
  const facts = { type: "tiny", multilingual: true, weightType: "f16" };

  test("adds name, size and a checked hash to what the file says", async () => {
    const { path } = await downloadModel("sample", {}, environment);
    addon.inspectModel.mockResolvedValue(facts);
    expect(await inspectModel("sample", {}, environment)).toEqual({
      kind: "whisper",
      ...facts,
      name: "sample",
      path,
      fileBytes: content.length,
      sha256: sample.sha256,
      verified: true,
    });
  });

  test("sees a cached file that has changed", async () => {
    const { path } = await downloadModel("sample", {}, environment);
    await writeFile(path, sampleContent(content.length, 9));
    addon.inspectModel.mockResolvedValue(facts);
    expect(await inspectModel("sample", {}, environment)).toMatchObject({ verified: false });
  });

  test("recognises a VAD model by its content", async () => {
    const path = join(await temporaryFolder(), "silero.bin");
    await writeFile(path, "anything");
    addon.inspectModel.mockRejectedValue(new TranscriptionError("MODEL_INVALID", "no whisper"));
    addon.inspectVadModel.mockResolvedValue({ version: "6.2.0" });
    const inspected = await inspectModel(path, {}, environment);
    expect(inspected).toMatchObject({ kind: "vad", version: "6.2.0", name: "silero.bin", fileBytes: 8 });
    expect(inspected).not.toHaveProperty("verified");
  });

  test("tells why a file is neither", async () => {
    const path = join(await temporaryFolder(), "text.bin");
    await writeFile(path, "anything");
    addon.inspectModel.mockRejectedValue(Object.assign(new Error("wrong magic"), { code: "MODEL_INVALID" }));
    addon.inspectVadModel.mockRejectedValue(new Error("wrong magic"));
    await expect(inspectModel(path, {}, environment)).rejects.toMatchObject({
      code: "MODEL_INVALID",
      message: "wrong magic",
    });
  });

  test("downloads nothing", async () => {
    await expect(inspectModel("sample", {}, environment)).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
    expect(server.requests).toHaveLength(0);
  });
});

describe("quantizeModel", () => {
  test("hands absolute paths to the addon and keeps the window", async () => {
    const onProgress = vi.fn();
    const target = join(await temporaryFolder(), "demo-q5_0.bin");
    expect(await quantizeModel("demo", target, "q5_0", { onProgress }, environment)).toEqual({
      name: "demo-q5_0.bin",
      path: target,
      maxWindow: 20,
    });
    const source = expect.stringMatching(/models\/agora-demo-q8_0\.bin$/);
    expect(addon.quantizeModel).toHaveBeenCalledWith(
      source,
      target,
      "q5_0",
      expect.any(addon.CancelFlag),
      expect.any(Function),
    );
  });

  test("refuses to overwrite its source, and bad paths", async () => {
    const { path } = await downloadModel("sample", {}, environment);
    for (const destination of [path, join(folder, ".", "ggml-sample.bin"), "", "a\0b"]) {
      await expect(quantizeModel("sample", destination, "q8_0", {}, environment)).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        message: expect.stringContaining("destination"),
      });
    }
    expect(addon.quantizeModel).not.toHaveBeenCalled();
  });

  test("passes on the addon's coded errors", async () => {
    addon.quantizeModel.mockRejectedValue(Object.assign(new Error("cut short"), { code: "MODEL_INVALID" }));
    await expect(quantizeModel("demo", "/tmp/x.bin", "q8_0", {}, environment)).rejects.toMatchObject({
      code: "MODEL_INVALID",
      message: "cut short",
    });
  });

  test("names the types that there are", async () => {
    await expect(quantizeModel("demo", "/tmp/x.bin", "q99", {}, environment)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: 'Expected one of q5_0, q8_0 for type but received "q99"',
    });
  });

  test("stops the addon when its signal fires", async () => {
    const controller = new AbortController();
    addon.quantizeModel.mockImplementation(async (_source, _target, _type, flag) => {
      controller.abort();
      expect(flag.cancel).toHaveBeenCalledOnce();
      throw Object.assign(new Error("stopped"), { code: "CANCELLED" });
    });
    const options = { signal: controller.signal };
    await expect(quantizeModel("demo", "/tmp/x.bin", "q8_0", options, environment)).rejects.toMatchObject({
      code: "CANCELLED",
    });
  });
});
