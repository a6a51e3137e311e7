import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { TranscriptionError } from "../../../src/errors.js";
import { inspectModel } from "../../../src/index.js";
import { convertHere } from "../../support/convert-here.js";
import {
  ctranslate2,
  ctranslate2Whisper,
  floatsOf,
  number,
  PROJECTION,
  quantised,
  type Variable,
} from "../../support/ctranslate2-writer.js";
import { folderOf } from "../../support/folder-of.js";
import { seededRandom } from "../../support/random.js";
import { floats, safetensors } from "../../support/safetensors-writer.js";
import {
  allTokens,
  smallWhisper,
  smallWhisperConfig,
  smallWhisperVocabulary,
} from "../../support/small-whisper.js";
import { readWhisperFile } from "../../support/whisper-file-reader.js";

const HEADS = [[0, 0]];
const tensors = smallWhisper();
const tokens = allTokens();
const ct2Config = {
  alignment_heads: HEADS,
  lang_ids: [50_259],
  suppress_ids: [1],
  suppress_ids_begin: [220],
};

/** What `convert` makes of a folder with this `model.bin`. */
async function converted(model: Buffer, files: Record<string, unknown> = {}, type?: string): Promise<Buffer> {
  const source = await folderOf({
    "config.json": ct2Config,
    "vocabulary.json": tokens,
    "model.bin": model,
    ...files,
  });
  const { files: made } = await convertHere(source, { out: join(source, "out"), ...(type && { type }) });
  return readFileSync(made[0]!.path);
}

async function refusal(model: Buffer, files: Record<string, unknown> = {}): Promise<string> {
  const error = await converted(model, files).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(TranscriptionError);
  expect((error as TranscriptionError).code).toBe("MODEL_INVALID");
  return (error as TranscriptionError).message;
}

describe("a model of faster-whisper's", () => {
  it("becomes the same file as the checkpoint that it was made of, byte for byte", async () => {
    const source = await folderOf({
      "config.json": smallWhisperConfig,
      "generation_config.json": { alignment_heads: HEADS },
      "vocab.json": smallWhisperVocabulary,
      "added_tokens.json": Object.fromEntries(tokens.map((token, id) => [token, id]).slice(50_258)),
      "model.safetensors": safetensors(tensors),
    });
    const { files } = await convertHere(source, { out: join(source, "out") });
    const expected = readFileSync(files[0]!.path);
    const model = ctranslate2(ctranslate2Whisper(tensors, 1), [PROJECTION]);
    expect((await converted(model)).equals(expected)).toBe(true);
    const lines = Buffer.from(`${tokens.join("\n")}\n`);
    expect(
      (
        await converted(model, { "vocabulary.json": lines, "vocabulary.txt": lines }).catch(String)
      ).toString(),
    ).toContain("vocabulary.json is not valid");
    const text = await folderOf({ "config.json": ct2Config, "vocabulary.txt": lines, "model.bin": model });
    const made = await convertHere(text, { out: join(text, "out") });
    expect(readFileSync(made.files[0]!.path).equals(expected)).toBe(true);
    expect(await inspectModel(made.files[0]!.path)).toMatchObject({
      multilingual: true,
      vocabularySize: 51_865,
    });
  });

  it("names the heads that words are aligned by in the place of a token that is never used", async () => {
    const { vocabulary } = readWhisperFile(await converted(ctranslate2(ctranslate2Whisper(tensors, 1))));
    expect(vocabulary).toHaveLength(51_865);
    expect(vocabulary[50_360]!.toString()).toBe("<|alignment_heads:0.0|>");
    expect(vocabulary[50_257]!.toString()).toBe("<|endoftext|>");
    expect(vocabulary[50_364 + 1500]!.toString()).toBe("<|30.00|>");
  });

  it.each(["I8", "I16"] as const)(
    "of type %s is worth its whole numbers divided by their scales",
    async (type) => {
      const variables = ctranslate2Whisper(tensors, 1);
      const worth = quantised(variables, type);
      const file = readWhisperFile(await converted(ctranslate2(variables, [PROJECTION]), {}, "f32"));
      // Compared as bytes: millions of values, one by one, would take minutes.
      const expectEqual = (name: string, variable: string, part = 0, parts = 1) => {
        const values = worth.get(variable)!;
        const length = values.length / parts;
        const expected = values.slice(part * length, (part + 1) * length);
        const { bytes } = file.tensors.find((each) => each.name === name)!;
        expect(bytes.equals(new Uint8Array(expected.buffer)), name).toBe(true);
      };
      expectEqual("decoder.token_embedding.weight", "decoder/embeddings/weight");
      expectEqual("encoder.conv2.weight", "encoder/conv2/weight");
      expectEqual("encoder.blocks.0.mlp.2.weight", "encoder/layer_0/ffn/linear_1/weight");
      for (const [part, name] of ["query", "key", "value"].entries()) {
        const fused = "decoder/layer_0/self_attention/linear_0/weight";
        expectEqual(`decoder.blocks.0.attn.${name}.weight`, fused, part, 3);
      }
      expectEqual(
        "decoder.blocks.0.cross_attn.value.weight",
        "decoder/layer_0/attention/linear_1/weight",
        1,
        2,
      );
    },
  );

  it.each(["F32", "BF16"] as const)("may be of type %s", async (type) => {
    const variables = ctranslate2Whisper(tensors, 1);
    for (const [name, variable] of variables) {
      if (variable.type !== "F16") continue;
      const values = floatsOf(variable);
      const bits = new Uint32Array(values.buffer);
      const bytes =
        type === "F32"
          ? new Uint8Array(values.buffer)
          : new Uint8Array(Uint16Array.from(bits, (pattern) => pattern >>> 16).buffer);
      variables.set(name, { type, shape: variable.shape, bytes });
    }
    const file = readWhisperFile(await converted(ctranslate2(variables), {}, "f32"));
    const found = file.tensors.find(({ name }) => name === "decoder.ln.weight")!.bytes;
    const exact = floatsOf(tensors.get("model.decoder.layer_norm.weight")!);
    const expected =
      type === "F32"
        ? exact
        : new Float32Array(new Uint32Array(exact.buffer).map((bits) => bits & 0xffff0000).buffer);
    expect(new Float32Array(Uint8Array.from(found).buffer)).toEqual(expected);
  });

  const changed = (name: string, variable: Variable | undefined) => {
    const variables = ctranslate2Whisper(tensors, 1);
    if (variable) variables.set(name, variable);
    else variables.delete(name);
    return ctranslate2(variables);
  };
  const whole = ctranslate2(ctranslate2Whisper(tensors, 1), [PROJECTION]);
  const float = (shape: number[], value = 0) => floats(shape, () => value) as Variable;
  it.each([
    [
      "another kind of model",
      () => ctranslate2(new Map(), [], { spec: "TransformerSpec" }),
      'a "TransformerSpec"',
    ],
    [
      "another version",
      () => ctranslate2(new Map(), [], { version: 7 }),
      "version 7 of CTranslate2's format, expected 6",
    ],
    [
      "a missing variable",
      () => changed("encoder/layer_0/ffn/linear_1/bias", undefined),
      "fc2.bias is missing",
    ],
    [
      "an unknown variable",
      () => changed("encoder/gate/weight", float([2])),
      'unknown variable "encoder/gate/weight"',
    ],
    [
      "another activation",
      () => changed("decoder/activation", number("I8", 0)),
      "decoder/activation is 0, expected 3",
    ],
    [
      "other heads",
      () => changed("encoder/num_heads", number("I16", 2)),
      "its encoder has 2 attention heads, expected 1",
    ],
    [
      "whole numbers without a scale",
      () =>
        changed("encoder/conv1/weight", { type: "I8", shape: [64, 80, 3], bytes: new Uint8Array(64 * 240) }),
      "is of type I8 and has no scale",
    ],
    [
      "a bias of its keys",
      () => changed("encoder/layer_0/self_attention/linear_0/bias", float([192], 1)),
      "has the key bias 1, expected zeros",
    ],
    [
      "parts of unequal size",
      () => changed("encoder/layer_0/self_attention/linear_0/weight", float([191, 64])),
      "cannot be cut into 3",
    ],
    ["an end in its middle", () => whole.subarray(0, whole.length / 2), "it ends inside variable"],
    ["an end before its aliases", () => whole.subarray(0, whole.length - 60), "it ends inside its"],
    [
      "bytes behind its end",
      () => Buffer.concat([whole, Buffer.of(0)]),
      "it has 1 bytes behind its last variable",
    ],
    [
      "an alias of nothing",
      () => ctranslate2(ctranslate2Whisper(tensors, 1), [["a", "b"]]),
      'alias "a" names "b"',
    ],
    ["nothing", () => Buffer.alloc(0), "it ends inside its header"],
  ])("with %s is refused", async (_, model, message) => {
    expect(await refusal(model())).toContain(message);
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])("with a scale of %s is refused", async (scale) => {
    const variables = ctranslate2Whisper(tensors, 1);
    quantised(variables, "I8");
    variables.set("encoder/conv1/weight_scale", float([64], scale));
    expect(await refusal(ctranslate2(variables))).toContain(
      `encoder/conv1/weight_scale has the scale ${scale}`,
    );
  });

  it("with any damage to its structure fails with a coded error or not at all", async () => {
    const random = seededRandom(7);
    const small = ctranslate2(
      new Map(
        [...ctranslate2Whisper(tensors, 1)].filter(([name]) => !/embeddings|encodings|conv/.test(name)),
      ),
      [["a", "encoder/num_heads"]],
    );
    for (let round = 0; round < 150; round++) {
      const damaged = Buffer.from(small);
      for (let count = 0; count < 3; count++) {
        const place = Math.floor(random() * (round % 2 === 0 ? 400 : damaged.length));
        damaged[place] = Math.floor(random() * 256);
      }
      const cut = round % 3 === 0 ? damaged.subarray(0, Math.floor(random() * damaged.length)) : damaged;
      expect(await refusal(cut)).toMatch(/is not valid/);
    }
  });
});
