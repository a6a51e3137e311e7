import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Api } from "../../../src/cli/context.js";
import { quantizedName } from "../../../src/cli/models.js";
import { TranscriptionError } from "../../../src/errors.js";
import { fakeApi } from "../../support/fake-api.js";
import { folderWith } from "../../support/folder-with.js";
import { runInProcess } from "../../support/run-cli.js";

const api = (overrides: Partial<Api>) => fakeApi(undefined, overrides);

const LISTING: Awaited<ReturnType<Api["listModels"]>> = [
  {
    name: "demo",
    kind: "whisper",
    state: "bundled",
    isDefault: false,
    bytes: 20_000_000,
    bytesOnDisk: 20_000_000,
    path: "/m/demo.bin",
    description: "Small",
  },
  {
    name: "base",
    kind: "whisper",
    state: "partial",
    isDefault: true,
    bytes: 148_000_000,
    bytesOnDisk: 74_000_000,
    description: "Multilingual",
  },
];

describe("models list", () => {
  it("is a table for people", async () => {
    const { code, stdout } = await runInProcess(["models", "list"], {
      api: api({ listModels: async () => LISTING }),
    });
    expect(code).toBe(0);
    expect(stdout.split("\n").slice(0, 3)).toEqual([
      "NAME    SIZE     STATE          DESCRIPTION",
      "demo    20.0 MB  bundled        Small",
      "base *  148 MB   partial, 50 %  Multilingual",
    ]);
  });

  it("is JSON for machines", async () => {
    const { stdout } = await runInProcess(["models", "list", "--json"], {
      api: api({ listModels: async () => LISTING }),
    });
    expect(JSON.parse(stdout)).toEqual(LISTING);
  });
});

describe("models download", () => {
  it("prints the paths of what it fetched, and progress on a terminal only", async () => {
    const downloadModel: Api["downloadModel"] = async (name, options) => {
      options?.onProgress?.({ model: name, received: 5, total: 10 });
      return { name, path: `/cache/${name}.bin` };
    };
    const piped = await runInProcess(["models", "download", "tiny", "base"], { api: api({ downloadModel }) });
    expect(piped).toMatchObject({ code: 0, stdout: "/cache/tiny.bin\n/cache/base.bin\n", stderr: "" });
    const watched = await runInProcess(["models", "download", "tiny"], {
      api: api({ downloadModel }),
      stderrIsTTY: true,
    });
    expect(watched.stderr).toContain("asking for tiny");
  });

  it("fails with 3 and the library's message", async () => {
    const { code, stderr } = await runInProcess(["models", "download", "bse"], {
      api: api({
        downloadModel: async () => {
          throw new TranscriptionError("MODEL_NOT_FOUND", "There is no model named bse. Did you mean base?");
        },
      }),
    });
    expect(code).toBe(3);
    expect(stderr).toBe("error: There is no model named bse. Did you mean base?\n");
  });
});

describe("models inspect and remove", () => {
  it("tell the facts of a file, for people and for machines", async () => {
    const inspectModel = async () =>
      ({
        kind: "vad",
        name: "v",
        path: "/v.bin",
        fileBytes: 885_098,
        sha256: "ab",
        version: "6.2.0",
      }) as const;
    const people = await runInProcess(["models", "inspect", "v"], { api: api({ inspectModel }) });
    expect(people.stdout).toMatch(/^name +v\npath +\/v\.bin\nkind +vad\n/);
    expect(people.stdout).toContain("fileBytes  885098 (885 kB)\n");
    const machines = await runInProcess(["models", "inspect", "v", "--json"], { api: api({ inspectModel }) });
    expect(JSON.parse(machines.stdout)).toMatchObject({ kind: "vad", fileBytes: 885_098 });
  });

  it("say on stderr what was removed", async () => {
    const removed: string[] = [];
    const { code, stdout, stderr } = await runInProcess(["models", "remove", "a", "b"], {
      api: api({
        removeModel: async (name) => {
          removed.push(name);
          return { path: `/cache/${name}.bin`, bytes: 1_000_000 };
        },
      }),
    });
    expect(removed).toEqual(["a", "b"]);
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: "",
      stderr: "Removed /cache/a.bin (1.0 MB)\nRemoved /cache/b.bin (1.0 MB)\n",
    });
  });
});

describe("models quantize", () => {
  const quantizeModel: Api["quantizeModel"] = async (_source, destination) => ({
    name: destination,
    path: destination,
  });

  it("names the copy after the model and the type", () => {
    expect(quantizedName("models/ggml-base.bin", "q5_0")).toBe("ggml-base-q5_0.bin");
    expect(quantizedName("ggml-base-f16.bin", "q8_0")).toBe("ggml-base-q8_0.bin");
    expect(quantizedName("demo-f16", "q4_0")).toBe("demo-q4_0.bin");
  });

  it("prints the path of the copy", async () => {
    const target = join(await folderWith(), "small.bin");
    const { code, stdout } = await runInProcess(["models", "quantize", "base", "q5_0", target], {
      api: api({ quantizeModel }),
    });
    expect(code).toBe(0);
    expect(stdout).toBe(`${target}\n`);
  });

  it("goes into a folder under its own name", async () => {
    const folder = await folderWith("base-q5_0.bin");
    const args = ["models", "quantize", "base", "Q5_0", folder];
    const refused = await runInProcess(args, { api: api({ quantizeModel }) });
    expect(refused.stderr).toContain(`${join(folder, "base-q5_0.bin")} exists; --force replaces it`);
    const { stdout } = await runInProcess([...args, "--force"], { api: api({ quantizeModel }) });
    expect(stdout).toBe(`${join(folder, "base-q5_0.bin")}\n`);
  });

  it("replaces a file only with --force", async () => {
    const target = join(await folderWith(), "small.bin");
    await writeFile(target, "precious");
    const args = ["models", "quantize", "base", "q5_0", target];
    const refused = await runInProcess(args, { api: api({ quantizeModel }) });
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain("--force");
    const forced = await runInProcess([...args, "--force"], { api: api({ quantizeModel }) });
    expect(forced.code).toBe(0);
  });
});
