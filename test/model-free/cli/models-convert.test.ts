import { describe, expect, it } from "vitest";
import type { Api } from "../../../src/cli/context.js";
import { TranscriptionError } from "../../../src/errors.js";
import type { ConvertModelOptions } from "../../../src/index.js";
import { fakeApi } from "../../support/fake-api.js";
import { runInProcess } from "../../support/run-cli.js";

function fake(): { api: ReturnType<typeof fakeApi>; asked: [string, ConvertModelOptions][] } {
  const asked: [string, ConvertModelOptions][] = [];
  const convertModel: Api["convertModel"] = async (source, options) => {
    asked.push([source, options]);
    options.onProgress?.(0.43);
    return {
      kind: "borealis",
      type: options.type ?? "f16",
      files: [
        { role: "language-model", path: "/out/b-q8_0.gguf", bytes: 900_000_000 },
        { role: "audio", path: "/out/mmproj-b-q8_0.gguf", bytes: 700_000_000 },
      ],
    };
  };
  return { api: fakeApi(undefined, { convertModel }), asked };
}

describe("models convert", () => {
  it("prints the paths of what it made", async () => {
    const { api, asked } = fake();
    const { code, stdout, stderr } = await runInProcess(
      ["models", "convert", "Borealis", "--out", "models", "--type", "q8_0"],
      { api },
    );
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: "/out/b-q8_0.gguf\n/out/mmproj-b-q8_0.gguf\n",
      stderr: "",
    });
    expect(asked).toEqual([
      ["Borealis", expect.objectContaining({ out: "models", type: "q8_0", overwrite: false })],
    ]);
  });

  it("leaves the type to the library, and replaces files with --force", async () => {
    const { api, asked } = fake();
    await runInProcess(["models", "convert", "Borealis", "-o", "models", "--force"], { api });
    expect(asked[0]![1]).toMatchObject({ overwrite: true });
    expect(asked[0]![1]).not.toHaveProperty("type");
  });

  it("shows progress and a summary on a terminal", async () => {
    const { api } = fake();
    const { stderr } = await runInProcess(["models", "convert", "Borealis", "-o", "models"], {
      api,
      stderrIsTTY: true,
    });
    expect(stderr).toContain(" 0 % ");
    expect(stderr).toContain("borealis model as f16: 1.6 GB in 0:00\n");
  });

  it("wants to know where to", async () => {
    const { code, stderr } = await runInProcess(["models", "convert", "Borealis"]);
    expect(code).toBe(2);
    expect(stderr).toContain("--out");
  });

  it("fails with 3 and the library's message", async () => {
    const convertModel: Api["convertModel"] = async () => {
      throw new TranscriptionError("MODEL_INVALID", "tensor a.weight is missing");
    };
    const { code, stderr } = await runInProcess(["models", "convert", "x", "-o", "y"], {
      api: fakeApi(undefined, { convertModel }),
    });
    expect({ code, stderr }).toEqual({ code: 3, stderr: "error: tensor a.weight is missing\n" });
  });
});
