import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { ModelEnvironment } from "../../../src/models/environment.js";
import { registry } from "../../../src/models/registry.js";
import { resolveModel } from "../../../src/models/resolve.js";
import { FileServer, status } from "../../support/file-server.js";
import { sampleContent, sampleEntry, sampleEnvironment } from "../../support/model-environment.js";
import { temporaryFolder } from "../../support/temporary-folder.js";

const content = sampleContent(50_000);
const vadContent = sampleContent(1000, 2);
const entries = [
  sampleEntry(content, { aliases: ["short"] }),
  sampleEntry(vadContent, {
    name: "silero-v6.2.0",
    kind: "vad",
    file: "vad.bin",
    url: "https://huggingface.co/vad.bin",
  }),
];

let server: FileServer;
let environment: ModelEnvironment;

beforeAll(async () => {
  server = await FileServer.start();
});

afterAll(() => server.close());

beforeEach(async () => {
  server.requests.length = 0;
  server.script.length = 0;
  server.files.set("/hub/example/models/ggml-sample.bin", { content });
  server.files.set("/hub/vad.bin", { content: vadContent });
  environment = sampleEnvironment(entries, {
    cacheDirectory: await temporaryFolder(),
    mirror: `${server.url}/hub`,
  });
});

describe("a name", () => {
  test("is downloaded from the mirror once, with progress, and cached", async () => {
    const path = join(environment.cacheDirectory, "ggml-sample.bin");
    const progress: unknown[] = [];
    const options = { onDownload: (step: object) => progress.push(step) };
    expect(await resolveModel("sample", options, environment)).toEqual({ name: "sample", path });
    const received = content.length;
    expect(progress.at(-1)).toEqual({ model: "sample", licence: "MIT", received, total: received });
    expect(await resolveModel("sample", { download: false }, environment)).toEqual({ name: "sample", path });
    expect(await resolveModel("short", {}, environment)).toEqual({ name: "sample", path });
    expect(server.requests).toHaveLength(1);
  });

  test("whose cached file has the wrong size is downloaded again", async () => {
    await writeFile(join(environment.cacheDirectory, "ggml-sample.bin"), "cut short");
    await resolveModel("sample", {}, environment);
    expect(server.requests).toHaveLength(1);
  });

  test("of a bundled model needs neither cache nor network", async () => {
    const offline = { ...environment, registry: registry(), offline: true };
    const demo = await resolveModel("demo", {}, offline);
    expect(demo).toMatchObject({ name: "demo", maxWindow: 20 });
    expect(demo.path).toMatch(/models\/agora-demo-q8_0\.bin$/);
  });

  test("of a bundled model whose package is not installed says which that is", async () => {
    const entry = { ...registry().find("demo")!, file: "elsewhere.bin", package: "agora-transcribe-nowhere" };
    await expect(resolveModel("demo", {}, sampleEnvironment([entry]))).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
      message: expect.stringMatching(
        /package of its own: `npm install agora-transcribe-nowhere@\d+\.\d+\.\d+` adds it/,
      ),
    });
  });

  test("of a bundled model whose package brings another file says which version of it is needed", async () => {
    // Stands in for the demo of another version: a file of that name, but not of that size.
    const other = { package: "node-gyp-build", file: "../node-gyp-build.js" };
    const entry = { ...registry().find("demo")!, ...other };
    await expect(resolveModel("demo", {}, sampleEnvironment([entry]))).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
      message: expect.stringMatching(
        /another file than .*node-gyp-build\.js: .* `npm install node-gyp-build@\d+\.\d+\.\d+` brings the one/,
      ),
    });
  });

  test("of another kind is refused", async () => {
    await expect(resolveModel("silero-v6.2.0", { kind: "whisper" }, environment)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(/Expected a whisper model for model .*silero-v6\.2\.0 \(a vad model\)/),
    });
  });

  test.each([
    ["smaple", 'no model named "smaple".* Did you mean "sample"\\?.*models list'],
    ["saampel", 'Did you mean "sample"\\?'],
    ["models/ggml-sample.bin", 'Did you mean "sample"\\?'],
    ["ggml-sample.bin", 'Did you mean "sample"\\?'],
    [
      "something-else",
      'no model named "something-else", nor a file of that name. `agora-transcribe models list`',
    ],
  ])("that is unknown, %s, is answered with help", async (name, message) => {
    await expect(resolveModel(name, {}, environment)).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
      message: expect.stringMatching(message),
    });
    expect(server.requests).toHaveLength(0);
  });

  test.each(["", "sample\0", "\0", 7 as never, null as never])("%j is refused", async (name) => {
    await expect(resolveModel(name, {}, environment)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  test.each([
    "../sample",
    "sample/../sample",
    "sample/",
    "/sample",
    "x".repeat(100_000),
    "sample; rm -rf /",
    "$(id)",
  ])("%.40s is not taken for a name of the registry", async (name) => {
    const error = await resolveModel(name, {}, environment).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: "MODEL_NOT_FOUND" });
    expect(error.message.length).toBeLessThan(1000);
    expect(server.requests).toHaveLength(0);
  });
});

describe("without a download", () => {
  test("AGORA_OFFLINE says what to do, whatever the options", async () => {
    const offline = { ...environment, offline: true };
    await expect(resolveModel("sample", { download: true }, offline)).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
      message: expect.stringMatching(
        /sample is not cached, and AGORA_OFFLINE forbids.*huggingface\.co.*ggml-sample\.bin/,
      ),
    });
    expect(server.requests).toHaveLength(0);
  });

  test("download: false names the command", async () => {
    await expect(resolveModel("sample", { download: false }, environment)).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
      message: expect.stringContaining("agora-transcribe models download sample"),
    });
  });

  test("a damaged cached file is named", async () => {
    await writeFile(join(environment.cacheDirectory, "ggml-sample.bin"), "cut short");
    await expect(resolveModel("sample", { download: false }, environment)).rejects.toThrow(
      `has 9 bytes, expected ${content.length}`,
    );
  });

  test("a signal that has fired is heard first", async () => {
    await expect(resolveModel("sample", { signal: AbortSignal.abort() }, environment)).rejects.toMatchObject({
      code: "CANCELLED",
    });
  });
});

describe("no name", () => {
  test("stands for the default model", async () => {
    expect(await resolveModel(undefined, {}, environment)).toMatchObject({ name: "sample" });
    expect(await resolveModel(undefined, { kind: "vad" }, environment)).toMatchObject({
      name: "silero-v6.2.0",
    });
  });

  test.each([
    ["offline", { offline: true }, "AGORA_OFFLINE"],
    ["the server has none", {}, "HTTP status 404"],
  ])("lists the ways on when the default cannot be had: %s", async (_, change, reason) => {
    server.script.push(status(404));
    await expect(
      resolveModel(undefined, { kind: "whisper" }, { ...environment, ...change }),
    ).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
      message: expect.stringMatching(
        new RegExp(
          `No model was named.* sample .*${reason}[^]*models download sample[^]*--model PATH[^]*--model demo`,
        ),
      ),
    });
  });

  test("with AGORA_MODEL set to something unknown still helps", async () => {
    const wrong = { ...environment, defaultModel: "smaple" };
    await expect(resolveModel(undefined, {}, wrong)).rejects.toThrow(/smaple.*Did you mean "sample"/s);
  });
});

describe("a path", () => {
  test("of an existing file is made absolute", async () => {
    const path = join(await temporaryFolder(), "my model.bin");
    await writeFile(path, "anything");
    expect(await resolveModel(path, {}, environment)).toEqual({ name: "my model.bin", path });
  });

  test("of a known file gets what the registry knows", async () => {
    const path = new URL("../../../models/agora-demo-q8_0.bin", import.meta.url).pathname;
    const known = { ...environment, registry: registry() };
    expect(await resolveModel(path, {}, known)).toEqual({ name: "demo", path, maxWindow: 20 });
  });

  test("of a link leads to its file, unless that is gone", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "target.bin"), "anything");
    await symlink(join(folder, "target.bin"), join(folder, "link.bin"));
    await symlink(join(folder, "gone.bin"), join(folder, "dangling.bin"));
    expect(await resolveModel(join(folder, "link.bin"), {}, environment)).toMatchObject({ name: "link.bin" });
    await expect(resolveModel(join(folder, "dangling.bin"), {}, environment)).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
      message: expect.stringContaining("a link to a file that does not exist"),
    });
  });

  test("of a folder or device is refused", async () => {
    const folder = await temporaryFolder();
    await expect(resolveModel(folder, {}, environment)).rejects.toMatchObject({
      code: "MODEL_INVALID",
      message: expect.stringContaining("is a folder"),
    });
    await expect(resolveModel("/dev/null", {}, environment)).rejects.toMatchObject({
      code: "MODEL_INVALID",
      message: expect.stringContaining("not a regular file"),
    });
  });

  test("that leads nowhere is shown with where it led", async () => {
    const path = join(await temporaryFolder(), "none", "model.bin");
    await expect(resolveModel(path, {}, environment)).rejects.toThrow(`There is no model file "${path}"`);
    await expect(resolveModel("~/model.bin", {}, environment)).rejects.toThrow("~ is not replaced");
    await expect(resolveModel("nowhere/model.bin", {}, environment)).rejects.toThrow(
      join(process.cwd(), "nowhere"),
    );
  });

  test.skipIf(process.getuid?.() === 0)("that may not be read is refused", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "secret.bin"), "anything");
    await chmod(join(folder, "secret.bin"), 0);
    await expect(resolveModel(join(folder, "secret.bin"), {}, environment)).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
      message: expect.stringContaining("EACCES"),
    });
  });

  test("through a link that leads to itself is refused", async () => {
    const folder = await temporaryFolder();
    await symlink(join(folder, "loop.bin"), join(folder, "loop.bin"));
    await expect(resolveModel(join(folder, "loop.bin"), {}, environment)).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
    });
  });

  test("relative to the working directory does not hide a registry name", async () => {
    const folder = await temporaryFolder();
    const before = process.cwd();
    onTestFinished(() => process.chdir(before));
    process.chdir(folder);
    await mkdir("sample");
    expect(await resolveModel("sample", {}, environment)).toMatchObject({ name: "sample" });
    await writeFile("own", "anything");
    expect(await resolveModel("own", {}, environment)).toMatchObject({
      name: "own",
      path: join(process.cwd(), "own"),
    });
  });
});

describe("the VAD model where none is named", () => {
  test("comes with the package, whatever the cache holds and whether or not there is a network", async () => {
    const cacheDirectory = await temporaryFolder();
    await writeFile(join(cacheDirectory, "ggml-silero-v5.1.2.bin"), "an older one");
    const shipped = sampleEnvironment([...registry().entries], { cacheDirectory, offline: true });
    const own = fileURLToPath(new URL("../../../models/silero-v6.2.0.bin", import.meta.url));
    for (const name of [undefined, "silero-v6.2.0", "silero-vad"]) {
      const model = await resolveModel(name, { kind: "vad", download: false }, shipped);
      expect(model).toEqual({ name: "silero-v6.2.0", path: own });
    }
  });
});
