import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { Checkpoint } from "../../../src/models/convert/checkpoint/folder.js";
import { convertModel } from "../../../src/models/convert/convert.js";
import { convertHere } from "../../support/convert-here.js";
import { folderOf } from "../../support/folder-of.js";
import { floats, safetensors } from "../../support/safetensors-writer.js";
import { torchFile } from "../../support/torch-writer.js";

const config = { model_type: "whisper" };
const a = new Map([["a", floats([1])]]);
const b = new Map([["b", floats([2])]]);

async function names(files: Record<string, unknown>): Promise<string[]> {
  const checkpoint = await Checkpoint.open(await folderOf({ "config.json": config, ...files }));
  onTestFinished(() => checkpoint.close());
  return [...checkpoint.tensors.keys()];
}

describe("a checkpoint's folder", () => {
  it("has its tensors in one file, safetensors before pickles", async () => {
    expect(await names({ "model.safetensors": safetensors(a) })).toEqual(["a"]);
    expect(await names({ "pytorch_model.bin": torchFile(b) })).toEqual(["b"]);
    expect(await names({ "model.safetensors": safetensors(a), "pytorch_model.bin": torchFile(b) })).toEqual([
      "a",
    ]);
  });

  it("may have them in several files", async () => {
    const weight_map = { a: "model-1-of-2.safetensors", b: "model-2-of-2.safetensors" };
    expect(
      await names({
        "model.safetensors.index.json": { weight_map },
        "model-1-of-2.safetensors": safetensors(a),
        "model-2-of-2.safetensors": safetensors(b),
      }),
    ).toEqual(["a", "b"]);
    expect(
      await names({
        "pytorch_model.bin.index.json": { weight_map: { a: "x-1.bin", b: "x-2.bin" } },
        "x-1.bin": torchFile(a),
        "x-2.bin": torchFile(b),
      }),
    ).toEqual(["a", "b"]);
  });

  it.each([
    [
      "a file outside",
      { weight_map: { a: "../model.safetensors" } },
      'tensor "a" lies in no file of the same folder',
    ],
    ["a file of another kind", { weight_map: { a: "config.json" } }, "in no file of the same folder"],
    ["no map", {}, "weight_map is missing"],
    ["a map that is none", { weight_map: "x" }, "weight_map is not a JSON object"],
    ["a tensor that its file lacks", { weight_map: { z: "one.safetensors" } }, 'tensor "z" is missing'],
  ])("with an index that names %s is refused", async (_, index, message) => {
    const files = { "model.safetensors.index.json": index, "one.safetensors": safetensors(a) };
    await expect(names(files)).rejects.toMatchObject({
      code: "MODEL_INVALID",
      message: expect.stringContaining(message),
    });
  });

  it("without what belongs to it is not found", async () => {
    const refused = (files: Record<string, unknown>) =>
      folderOf(files).then((folder) => Checkpoint.open(folder));
    await expect(refused({})).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
      message: expect.stringContaining("has no config.json"),
    });
    await expect(refused({ "config.json": config })).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
      message: expect.stringContaining("no weights (model.safetensors, pytorch_model.bin, model.bin)"),
    });
    const missing = {
      "config.json": config,
      "model.safetensors.index.json": { weight_map: { a: "gone.safetensors" } },
    };
    await expect(refused(missing)).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
  });

  it.each(["[]", "{", '{"model_type": 5}'])("with the configuration %s is refused", async (text) => {
    const folder = await folderOf({
      "config.json": Buffer.from(text),
      "model.safetensors": safetensors(a),
    });
    await expect(convertHere(folder, { out: join(folder, "out") })).rejects.toMatchObject({
      code: "MODEL_INVALID",
      message: expect.stringContaining("config.json"),
    });
  });
});

describe("convertModel", () => {
  it("takes what is no folder for a name on the Hub", async () => {
    vi.stubEnv("AGORA_OFFLINE", "1");
    onTestFinished(() => void vi.unstubAllEnvs());
    await expect(convertModel("openai/whisper-tiny", { out: "x" })).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
      message: expect.stringContaining("AGORA_OFFLINE forbids downloads"),
    });
  });

  it.each([
    ["source", "", { out: "x" }],
    ["source", "a\0b", { out: "x" }],
    ["source", import.meta.filename, { out: "x" }],
    ["out", ".", { out: "" }],
    ["type", ".", { out: "x", type: 7 }],
  ])("names the argument that is wrong: %s", async (name, source, options) => {
    await expect(convertModel(source, options as { out: string })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining(`for ${name} `),
    });
  });

  it("refuses a model of another kind", async () => {
    const folder = await folderOf({
      "config.json": { model_type: "wav2vec2" },
      "model.safetensors": safetensors(a),
    });
    await expect(convertHere(folder, { out: join(folder, "out") })).rejects.toMatchObject({
      code: "MODEL_INVALID",
      message: expect.stringContaining(
        'model_type is "wav2vec2", expected "whisper", "borealis" or "nemotron3_diarization"',
      ),
    });
  });
});
