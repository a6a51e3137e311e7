import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { inspectModel, quantizeModel } from "../../../src/index.js";
import { convertHere } from "../../support/convert-here.js";
import { folderOf } from "../../support/folder-of.js";
import {
  huggingFaceConfig,
  huggingFaceTensors,
  huggingFaceVocabulary,
} from "../../support/hugging-face-whisper.js";
import { floats, safetensors, type TestTensor } from "../../support/safetensors-writer.js";
import { temporaryFolder } from "../../support/temporary-folder.js";
import { torchFile } from "../../support/torch-writer.js";
import { readWhisperFile } from "../../support/whisper-file-reader.js";

/** After magic, hyper-parameters and the filters' sizes. */
const FIRST_FILTER = 4 + 11 * 4 + 8;
const DEMO = fileURLToPath(new URL("../../fixtures/agora-demo-f16.bin", import.meta.url));
const demoFile = readFileSync(DEMO);
// The demo model's first filter begins with a negative zero; OpenAI's models have a positive one there, and so have ours.
demoFile.writeFloatLE(0, FIRST_FILTER);
const demo = readWhisperFile(demoFile);
const config = huggingFaceConfig(demo);
const vocabulary = huggingFaceVocabulary(demo);
const demoTensors = huggingFaceTensors(demo);

/** One narrow layer each, with all parts that a Whisper model has. */
function smallTensors(textTokens = 51_865): Map<string, TestTensor> {
  const isOfFirstLayer = (name: string) => !/layers\.[1-9]/.test(name);
  const narrow = (size: number) => ({ 192: 64, 768: 256, 51865: textTokens })[size] ?? size;
  return new Map(
    Array.from(demoTensors, ([name, { shape }]) => [name, shape.map(narrow)] as const)
      .filter(([name]) => isOfFirstLayer(name))
      .map(([name, shape]) => {
        const count = shape.reduce((product, size) => product * size, 2);
        return [name, { type: "F16", shape, bytes: new Uint8Array(count) }];
      }),
  );
}

const smallConfig = {
  ...config,
  d_model: 64,
  encoder_layers: 1,
  decoder_layers: 1,
  encoder_attention_heads: 1,
  decoder_attention_heads: 1,
};

async function convertSmall(
  change: (tensors: Map<string, TestTensor>) => void = () => {},
  files: Record<string, unknown> = {},
  type?: string,
): Promise<string> {
  const tensors = smallTensors();
  change(tensors);
  const folder = await folderOf({
    "config.json": smallConfig,
    "vocab.json": vocabulary,
    "model.safetensors": safetensors(tensors),
    ...files,
  });
  const out = join(folder, "out");
  const { files: made } = await convertHere(folder, { out, ...(type !== undefined && { type }) });
  return made[0]!.path;
}

describe("a Whisper checkpoint in Hugging Face's layout", () => {
  it.each([
    ["model.safetensors", safetensors, "vocab.json", vocabulary],
    ["pytorch_model.bin", torchFile, "tokenizer.json", { model: { vocab: vocabulary } }],
  ] as const)("as %s becomes the same file, byte for byte", async (name, write, tokenizer, content) => {
    const folder = await folderOf({
      "config.json": config,
      "preprocessor_config.json": { feature_size: 80, n_fft: 400, hop_length: 160, sampling_rate: 16_000 },
      [tokenizer]: content,
      [name]: write(demoTensors),
    });
    const out = join(folder, "made", "here");
    const fractions: number[] = [];
    const conversion = await convertHere(folder, {
      out,
      onProgress: (fraction) => fractions.push(fraction),
    });
    const path = join(out, `ggml-${folder.split("/").at(-1)}-f16.bin`);
    expect(conversion).toEqual({
      kind: "whisper",
      type: "f16",
      files: [{ role: "model", path, bytes: demoFile.length }],
    });
    expect(readFileSync(path).equals(demoFile)).toBe(true);
    expect(readdirSync(out)).toHaveLength(1);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(fractions.at(-1)).toBe(1);
  });

  it("is quantised as the 16-bit model is", async () => {
    const folder = await folderOf({
      "config.json": config,
      "vocab.json": vocabulary,
      "model.safetensors": safetensors(demoTensors),
      "demo.bin": demoFile,
    });
    const out = await temporaryFolder();
    const { files } = await convertHere(folder, { out, type: "q5_0" });
    const expected = await quantizeModel(join(folder, "demo.bin"), join(folder, "expected.bin"), "q5_0");
    expect(readFileSync(files[0]!.path).equals(readFileSync(expected.path))).toBe(true);
    expect(readdirSync(out)).toHaveLength(1);
  });

  it("may be written with 32 bits", async () => {
    const path = await convertSmall(
      (tensors) =>
        tensors.set(
          "model.decoder.layer_norm.weight",
          floats([64], (index) => index / 3),
        ),
      {},
      "f32",
    );
    const { hyperParameters, tensors } = readWhisperFile(readFileSync(path));
    expect(hyperParameters.at(-1)).toBe(0);
    expect(new Set(tensors.map(({ type }) => type))).toEqual(new Set([0]));
    expect(await inspectModel(path)).toMatchObject({ weightType: "f32", encoderLayers: 1, decoderLayers: 1 });
  });

  it("may have names without the prefix, and the output layer named again", async () => {
    const path = await convertSmall((tensors) => {
      for (const [name, tensor] of [...tensors]) {
        tensors.delete(name);
        tensors.set(name.replace("model.", ""), tensor);
      }
      tensors.set("proj_out.weight", tensors.get("decoder.embed_tokens.weight")!);
    });
    expect(await inspectModel(path)).toMatchObject({ multilingual: true, vocabularySize: 51_865 });
  });

  it("may be English only", async () => {
    const english = Object.fromEntries(
      Object.entries(vocabulary)
        .filter(([, id]) => id < 50_256)
        .concat([["<|endoftext|>", 50_256]]),
    );
    const path = await convertSmall(() => {}, {
      "vocab.json": english,
      "model.safetensors": safetensors(smallTensors(51_864)),
    });
    expect(readWhisperFile(readFileSync(path)).vocabulary).toHaveLength(50_256);
    expect(await inspectModel(path)).toMatchObject({ multilingual: false });
  });

  it("may have rows without tokens, which are left out", async () => {
    const rows = 51_872;
    const table = floats([rows, 64], (index) => Math.floor(index / 64) % 100);
    const path = await convertSmall((tensors) =>
      tensors.set("model.decoder.embed_tokens.weight", table).set("proj_out.weight", table),
    );
    const { hyperParameters, tensors } = readWhisperFile(readFileSync(path));
    expect(hyperParameters[0]).toBe(51_865);
    const written = tensors.find(({ name }) => name === "decoder.token_embedding.weight")!;
    expect(written.dimensions).toEqual([64, 51_865]);
    expect(await inspectModel(path)).toMatchObject({ vocabularySize: 51_865 });
  });

  const reshape = (name: string, shape: number[]) => (tensors: Map<string, TestTensor>) =>
    tensors.set(name, floats(shape));
  it.each([
    [
      "a missing tensor",
      (tensors: Map<string, TestTensor>) => tensors.delete("model.encoder.layers.0.fc1.bias"),
      "tensor model.encoder.layers.0.fc1.bias is missing",
    ],
    [
      "an unknown tensor",
      reshape("model.encoder.layers.0.self_attn.k_proj.bias", [64]),
      'unknown tensor "model.encoder.layers.0.self_attn.k_proj.bias"',
    ],
    [
      "another shape",
      reshape("model.decoder.layers.0.fc2.weight", [64, 128]),
      "tensor model.decoder.layers.0.fc2.weight has the shape [64, 128], expected [64, 256]",
    ],
    [
      "another output layer",
      reshape("proj_out.weight", [51_865, 64]),
      "tensor proj_out.weight differs from model.decoder.embed_tokens.weight",
    ],
    [
      "a row too few for its vocabulary",
      reshape("model.decoder.embed_tokens.weight", [51_864, 64]),
      "its table of tokens has 51864 rows, but its vocabulary of 50257 text tokens is that of 99 languages, which has 51865",
    ],
    [
      "the bands of large-v3 and fewer rows than that has",
      (tensors: Map<string, TestTensor>) => tensors.set("model.encoder.conv1.weight", floats([64, 128, 3])),
      "its table of tokens has 51865 rows, but its vocabulary of 50257 text tokens is that of 100 languages, which has 51866",
    ],
    [
      "another number of bands",
      reshape("model.encoder.conv1.weight", [64, 40, 3]),
      "40 mel bands, expected 80",
    ],
    ["another width", reshape("model.encoder.conv1.weight", [96, 80, 3]), "96 channels, expected a multiple"],
    [
      "other dimensions",
      reshape("model.encoder.conv1.weight", [64, 80]),
      "has the shape [64, 80], expected 3",
    ],
    [
      "a number that is none",
      (tensors: Map<string, TestTensor>) =>
        tensors.set(
          "model.decoder.layer_norm.bias",
          floats([64], () => Number.NaN),
        ),
      "tensor model.decoder.layer_norm.bias has the value NaN",
    ],
    [
      "a number beyond 16 bits",
      (tensors: Map<string, TestTensor>) =>
        tensors.set(
          "model.encoder.layers.0.fc1.weight",
          floats([256, 64], () => 70_000),
        ),
      "tensor model.encoder.layers.0.fc1.weight has the value 70000, which cannot be stored as f16",
    ],
    [
      "an endless number of layers",
      reshape("model.encoder.layers.4000000000.fc1.bias", [64]),
      "4000000001 layers named model.encoder.layers.N",
    ],
    [
      "whole numbers",
      (tensors: Map<string, TestTensor>) =>
        tensors.set("model.decoder.layer_norm.bias", {
          type: "I64",
          shape: [64],
          bytes: new Uint8Array(512),
        }),
      "tensor model.decoder.layer_norm.bias has the type I64",
    ],
  ])("with %s is refused, and leaves nothing behind", async (_, change, message) => {
    const folder = await folderOf({});
    const files = { "config.json": smallConfig, "vocab.json": vocabulary };
    const tensors = smallTensors();
    change(tensors);
    const source = await folderOf({ ...files, "model.safetensors": safetensors(tensors) });
    await expect(convertHere(source, { out: folder })).rejects.toMatchObject({
      code: "MODEL_INVALID",
      message: expect.stringContaining(message),
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each([
    [
      "layers that are missing",
      { "config.json": { ...smallConfig, decoder_layers: 2 } },
      "decoder.layers.1.",
    ],
    [
      "heads of another width",
      { "config.json": { ...smallConfig, encoder_attention_heads: 2 } },
      "its encoder has 2 attention heads, expected 1",
    ],
    [
      "another spectrogram",
      { "preprocessor_config.json": { hop_length: 200 } },
      "hop_length is 200, expected 160",
    ],
    [
      "tokens that were added",
      {
        "added_tokens.json": { "<|speaker|>": 51_865, "<|music|>": 51_866 },
        "model.safetensors": safetensors(smallTensors(51_872)),
      },
      'tokens were added behind Whisper\'s 51865: "<|speaker|>" (51865), "<|music|>" (51866)',
    ],
    [
      "the end of the text in another place",
      { "vocab.json": { ...vocabulary, "<|endoftext|>": 50_300 } },
      'token "<|endoftext|>" has the id 50300, expected 50256 or 50257',
    ],
    [
      "a language more than models of 80 bands have",
      {
        "added_tokens.json": { "<|startoftranscript|>": 50_258, "<|translate|>": 50_359 },
        "model.safetensors": safetensors(smallTensors(51_866)),
      },
      "its vocabulary is that of 100 languages, but models of 80 mel bands have 99",
    ],
    [
      "heads that it does not have",
      {
        "generation_config.json": {
          alignment_heads: [
            [0, 0],
            [1, 0],
          ],
        },
      },
      'alignment_heads has "[1,0]", expected a layer below 1 and a head below 1',
    ],
    ["no vocabulary", { "vocab.json": Buffer.from("") }, "vocab.json is not valid"],
    ["a token too few", { "vocab.json": { ...vocabulary, "!": 60_000 } }, "no token with the id 0"],
    ["two tokens of one id", { "vocab.json": { ...vocabulary, новый: 5 } }, "has the id 5 of another"],
    ["a token in plain text", { "vocab.json": { ...vocabulary, "!": 60_000, новый: 0 } }, "byte characters"],
  ])("with %s is refused", async (_, files, message) => {
    await expect(convertSmall(() => {}, files)).rejects.toMatchObject({
      code: "MODEL_INVALID",
      message: expect.stringContaining(message),
    });
  });

  it("is not written over a file unless that is wanted", async () => {
    const path = await convertSmall();
    const [out, folder] = [join(path, ".."), join(path, "../..")];
    await expect(convertHere(folder, { out })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("exists; overwrite (--force) replaces it"),
    });
    await convertHere(folder, { out, overwrite: true });
    expect(readdirSync(out)).toHaveLength(1);
  });

  it("takes the types that it can be stored as", async () => {
    await expect(convertSmall(() => {}, {}, "bf16")).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(/one of f32, f16, .*q8_0.* for type but received "bf16"/),
    });
  });

  it("stops when it is told to, and leaves nothing behind", async () => {
    const folder = await folderOf({
      "config.json": smallConfig,
      "vocab.json": vocabulary,
      "model.safetensors": safetensors(smallTensors()),
    });
    const out = await temporaryFolder();
    const controller = new AbortController();
    const onProgress = () => controller.abort();
    await expect(convertHere(folder, { out, onProgress, signal: controller.signal })).rejects.toMatchObject({
      code: "CANCELLED",
    });
    expect(readdirSync(out)).toEqual([]);
  });
});
