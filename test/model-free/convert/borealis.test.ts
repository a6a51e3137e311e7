import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { TranscriptionError } from "../../../src/errors.js";
import {
  BOREALIS,
  BOREALIS_TOKENIZER,
  borealisFiles,
  borealisTensors,
  type Generation,
  QWEN3_HEAD_WIDTH,
} from "../../support/borealis-checkpoint.js";
import { convertHere } from "../../support/convert-here.js";
import { folderOf } from "../../support/folder-of.js";
import { type GgufFile, readGguf } from "../../support/gguf-reader.js";
import { seededRandom } from "../../support/random.js";
import { floats, safetensors, type TestTensor } from "../../support/safetensors-writer.js";
import { torchFile } from "../../support/torch-writer.js";

type Change = (tensors: Map<string, TestTensor>) => unknown;

interface Converted {
  language: GgufFile;
  audio: GgufFile;
  tensors: Map<string, TestTensor>;
}

async function convert(
  generation: Generation,
  type: string,
  change: Change = () => {},
  files: Record<string, unknown> = {},
): Promise<Converted> {
  const tensors = borealisTensors(generation);
  change(tensors);
  const weights =
    generation === 1
      ? { "pytorch_model.bin": torchFile(tensors) }
      : { "model.safetensors": safetensors(tensors) };
  const folder = await folderOf({ ...borealisFiles(), ...weights, ...files });
  const conversion = await convertHere(folder, { out: join(folder, "out"), type });
  expect(conversion).toMatchObject({ kind: "borealis", type });
  const [language, audio] = conversion.files.map(({ path, bytes }) => {
    const file = readFileSync(path);
    expect(file.length).toBe(bytes);
    return readGguf(file);
  });
  expect(conversion.files.map(({ role }) => role)).toEqual(["language-model", "audio"]);
  expect(readdirSync(join(folder, "out"))).toHaveLength(2);
  return { language: language!, audio: audio!, tensors };
}

/** Names in GGUF files and what they are called in the checkpoint. */
const AUDIO_NAMES = {
  "a.conv1d.1.weight": "encoder.conv1.weight",
  "a.conv1d.1.bias": "encoder.conv1.bias",
  "a.conv1d.2.weight": "encoder.conv2.weight",
  "a.conv1d.2.bias": "encoder.conv2.bias",
  "a.position_embd.weight": "encoder.embed_positions.weight",
  "a.blk.0.ln1.weight": "encoder.layers.0.self_attn_layer_norm.weight",
  "a.blk.0.ln1.bias": "encoder.layers.0.self_attn_layer_norm.bias",
  "a.blk.0.attn_q.weight": "encoder.layers.0.self_attn.q_proj.weight",
  "a.blk.0.attn_q.bias": "encoder.layers.0.self_attn.q_proj.bias",
  "a.blk.0.attn_k.weight": "encoder.layers.0.self_attn.k_proj.weight",
  "a.blk.0.attn_v.weight": "encoder.layers.0.self_attn.v_proj.weight",
  "a.blk.0.attn_v.bias": "encoder.layers.0.self_attn.v_proj.bias",
  "a.blk.0.attn_out.weight": "encoder.layers.0.self_attn.out_proj.weight",
  "a.blk.0.attn_out.bias": "encoder.layers.0.self_attn.out_proj.bias",
  "a.blk.0.ln2.weight": "encoder.layers.0.final_layer_norm.weight",
  "a.blk.0.ln2.bias": "encoder.layers.0.final_layer_norm.bias",
  "a.blk.0.ffn_up.weight": "encoder.layers.0.fc1.weight",
  "a.blk.0.ffn_up.bias": "encoder.layers.0.fc1.bias",
  "a.blk.0.ffn_down.weight": "encoder.layers.0.fc2.weight",
  "a.blk.0.ffn_down.bias": "encoder.layers.0.fc2.bias",
  "mm.a.norm_pre.weight": "encoder.layer_norm.weight",
  "mm.a.norm_pre.bias": "encoder.layer_norm.bias",
  "mm.a.mlp.1.weight": "adapter.w_in.weight",
  "mm.a.mlp.2.weight": "adapter.w_out.weight",
};

const LANGUAGE_NAMES = {
  "token_embd.weight": "llm.model.embed_tokens.weight",
  "blk.0.attn_norm.weight": "llm.model.layers.0.input_layernorm.weight",
  "blk.0.attn_q.weight": "llm.model.layers.0.self_attn.q_proj.weight",
  "blk.0.attn_k.weight": "llm.model.layers.0.self_attn.k_proj.weight",
  "blk.0.attn_v.weight": "llm.model.layers.0.self_attn.v_proj.weight",
  "blk.0.attn_output.weight": "llm.model.layers.0.self_attn.o_proj.weight",
  "blk.0.ffn_norm.weight": "llm.model.layers.0.post_attention_layernorm.weight",
  "blk.0.ffn_gate.weight": "llm.model.layers.0.mlp.gate_proj.weight",
  "blk.0.ffn_up.weight": "llm.model.layers.0.mlp.up_proj.weight",
  "blk.0.ffn_down.weight": "llm.model.layers.0.mlp.down_proj.weight",
  "output_norm.weight": "llm.model.norm.weight",
};

const GENERATION_NAMES: Record<Generation, Record<string, string>> = {
  1: {
    "blk.0.attn_q.bias": "llm.model.layers.0.self_attn.q_proj.bias",
    "blk.0.attn_k.bias": "llm.model.layers.0.self_attn.k_proj.bias",
    "blk.0.attn_v.bias": "llm.model.layers.0.self_attn.v_proj.bias",
  },
  2: {
    "blk.0.attn_q_norm.weight": "llm.model.layers.0.self_attn.q_norm.weight",
    "blk.0.attn_k_norm.weight": "llm.model.layers.0.self_attn.k_norm.weight",
  },
};

/** Every tensor that `names` lists is there with the source's bytes; answers with the names of all others. */
function expectSameTensors(
  file: GgufFile,
  source: Map<string, TestTensor>,
  names: Record<string, string>,
): string[] {
  const found = new Map(file.tensors.map((tensor) => [tensor.name, tensor]));
  for (const [name, original] of Object.entries(names)) {
    const { dimensions, bytes } = found.get(name)!;
    const shape = [...source.get(original)!.shape].reverse();
    expect({ name, dimensions }).toEqual({
      name,
      dimensions: /conv1d.*bias/.test(name) ? [1, ...shape] : shape,
    });
    expect(bytes.equals(source.get(original)!.bytes)).toBe(true);
    found.delete(name);
  }
  return [...found.keys()];
}

describe.each([1, 2] as const)("a Borealis checkpoint of generation %d", (generation) => {
  it("becomes a language model and an audio encoder with the same values", async () => {
    const { language, audio, tensors } = await convert(generation, "f32");
    const names = { ...LANGUAGE_NAMES, ...GENERATION_NAMES[generation] };
    expect(expectSameTensors(language, tensors, names)).toEqual([]);
    expect(expectSameTensors(audio, tensors, AUDIO_NAMES)).toEqual([
      "mm.a.mlp.1.bias",
      "mm.a.mlp.2.bias",
      "v.boi",
      "v.eoi",
    ]);
    const bytesOf = (name: string) => audio.tensors.find((tensor) => tensor.name === name)!.bytes;
    expect(bytesOf("mm.a.mlp.1.bias").every((byte) => byte === 0)).toBe(true);
    const table = Buffer.from(tensors.get("llm.model.embed_tokens.weight")!.bytes);
    const row = (id: number) => table.subarray(4 * BOREALIS.width * id, 4 * BOREALIS.width * (id + 1));
    expect(bytesOf("v.boi").equals(row(8))).toBe(true);
    expect(bytesOf("v.eoi").equals(row(9))).toBe(true);
  });

  it("is described for llama.cpp", async () => {
    const { language, audio } = await convert(generation, "f16");
    const architecture = generation === 1 ? "qwen2" : "qwen3";
    const isOfModel = (key: string) => key.startsWith(`${architecture}.`);
    const facts = Object.entries(language.metadata).filter(([key]) => isOfModel(key));
    expect(language.metadata).toMatchObject({ "general.architecture": architecture, "general.file_type": 1 });
    expect(Object.fromEntries(facts)).toEqual({
      [`${architecture}.block_count`]: 1,
      [`${architecture}.context_length`]: 512,
      [`${architecture}.embedding_length`]: BOREALIS.width,
      [`${architecture}.feed_forward_length`]: BOREALIS.feedForward,
      [`${architecture}.attention.head_count`]: BOREALIS.heads,
      [`${architecture}.attention.head_count_kv`]: BOREALIS.keyHeads,
      [`${architecture}.rope.freq_base`]: 1e6,
      [`${architecture}.attention.layer_norm_rms_epsilon`]: Math.fround(1e-6),
      ...(generation === 2 && {
        "qwen3.attention.key_length": QWEN3_HEAD_WIDTH,
        "qwen3.attention.value_length": QWEN3_HEAD_WIDTH,
      }),
    });
    expect(audio.metadata).toMatchObject({
      "general.architecture": "clip",
      "general.type": "mmproj",
      "clip.has_audio_encoder": true,
      "clip.projector_type": "glma",
      "clip.audio.projection_dim": BOREALIS.width,
      "clip.audio.embedding_length": BOREALIS.audioWidth,
      "clip.audio.feed_forward_length": BOREALIS.audioFeedForward,
      "clip.audio.block_count": 1,
      "clip.audio.attention.head_count": BOREALIS.audioHeads,
      "clip.audio.attention.layer_norm_epsilon": Math.fround(1e-5),
      "clip.audio.num_mel_bins": 128,
      "clip.audio.projector.stack_factor": BOREALIS.stacked,
    });
  });
});

describe("a Borealis checkpoint", () => {
  it("keeps its tokenizer", async () => {
    const { language } = await convert(1, "f16");
    const { added_tokens } = BOREALIS_TOKENIZER;
    expect(language.metadata).toMatchObject({
      "tokenizer.ggml.model": "gpt2",
      "tokenizer.ggml.pre": "qwen2",
      "tokenizer.ggml.tokens": [
        "a",
        "b",
        "c",
        "ab",
        "Ġ",
        "abc",
        ...added_tokens.map(({ content }) => content),
        "[PAD11]",
      ],
      "tokenizer.ggml.token_type": [1, 1, 1, 1, 1, 1, 3, 3, 3, 3, 4, 5],
      "tokenizer.ggml.merges": ["a b", "ab c"],
      "tokenizer.ggml.eos_token_id": 7,
      "tokenizer.ggml.padding_token_id": 6,
      "tokenizer.ggml.bos_token_id": 6,
      "tokenizer.ggml.add_bos_token": false,
    });
  });

  it.each([
    ["f32", 0, 0, 0, 0],
    ["f16", 1, 1, 1, 1],
    ["bf16", 30, 30, 0, 32],
    ["q8_0", 8, 8, 1, 7],
    ["q5_0", 6, 8, 1, 8],
    ["q4_0", 2, 8, 1, 2],
  ])(
    "as %s has matrices, tables and convolutions of the right types",
    async (type, matrix, table, convolution, fileType) => {
      const { language, audio } = await convert(1, type);
      const typeOf = (name: string) =>
        [...language.tensors, ...audio.tensors].find((t) => t.name === name)?.type;
      expect(language.metadata["general.file_type"]).toBe(fileType);
      expect(["blk.0.ffn_down.weight", "a.blk.0.attn_k.weight", "mm.a.mlp.1.weight"].map(typeOf)).toEqual([
        matrix,
        matrix,
        matrix,
      ]);
      expect(typeOf("token_embd.weight")).toBe(table);
      expect(typeOf("a.conv1d.2.weight")).toBe(convolution);
      const vectors = [
        "blk.0.attn_q.bias",
        "output_norm.weight",
        "a.position_embd.weight",
        "a.conv1d.1.bias",
        "v.boi",
      ];
      expect(vectors.map(typeOf)).toEqual([0, 0, 0, 0, 0]);
    },
  );

  it("keeps an output layer only where it is another than the embeddings", async () => {
    const head = (tensors: Map<string, TestTensor>) => tensors.get("llm.model.embed_tokens.weight")!;
    const names = async (change: Change) =>
      (await convert(2, "f32", change)).language.tensors.map(({ name }) => name);
    expect(await names((tensors) => tensors.set("llm.lm_head.weight", head(tensors)))).not.toContain(
      "output.weight",
    );
    expect(
      await names((tensors) => tensors.set("llm.lm_head.weight", floats(head(tensors).shape))),
    ).toContain("output.weight");
  });

  it("may be named after the base models of the Hub, and nothing else", async () => {
    const config = {
      model_type: "borealis",
      whisper_encoder_name: "openai/whisper-large-v3",
      llm_name: "./llm",
    };
    await expect(convert(1, "f16", undefined, { "config.json": config })).rejects.toThrow(
      "tensor encoder.layers.1.self_attn_layer_norm.weight is missing",
    );
    const named = { ...config, whisper_encoder_name: "./encoder", llm_name: "unsloth/Qwen2.5-0.5B-Instruct" };
    await expect(convert(1, "f16", undefined, { "config.json": named })).rejects.toThrow(
      "tensor llm.model.embed_tokens.weight has rows of 32, expected 896",
    );
    for (const llm_name of ["someone/else", "/etc", "../llm"]) {
      await expect(
        convert(1, "f16", undefined, { "config.json": { ...named, llm_name } }),
      ).rejects.toMatchObject({ code: "MODEL_INVALID", message: expect.stringContaining("llm_name is") });
    }
  });

  const reshape =
    (name: string, shape: number[]): Change =>
    (tensors) =>
      tensors.set(name, floats(shape));
  it.each<[string, Change, string]>([
    [
      "another adapter",
      reshape("adapter.input_proj.0.weight", [32, 32]),
      'tensor "adapter.input_proj.0.weight" belongs to an unknown adapter',
    ],
    [
      "a missing tensor",
      (tensors) => tensors.delete("llm.model.layers.0.self_attn.v_proj.bias"),
      "tensor llm.model.layers.0.self_attn.v_proj.bias is missing",
    ],
    [
      "an adapter without its output",
      (tensors) => tensors.delete("adapter.w_out.weight"),
      "adapter.w_out.weight is missing",
    ],
    ["an unknown tensor", reshape("llm.model.extra", [1]), 'unknown tensor "llm.model.extra"'],
    [
      "another shape",
      reshape("llm.model.layers.0.mlp.down_proj.weight", [32, 64]),
      "tensor llm.model.layers.0.mlp.down_proj.weight has the shape [32, 64], expected [32, 96]",
    ],
    [
      "half a head",
      reshape("llm.model.layers.0.self_attn.k_proj.weight", [12, 32]),
      "tensor llm.model.layers.0.self_attn.k_proj.weight has 12 rows",
    ],
    [
      "an adapter of half a frame",
      reshape("adapter.w_in.weight", [32, 96]),
      "tensor adapter.w_in.weight has 96 inputs",
    ],
    [
      "fewer embeddings than tokens",
      reshape("llm.model.embed_tokens.weight", [9, 32]),
      "but there are 9 embeddings",
    ],
  ])("with %s is refused", async (_, change, message) => {
    await expect(convert(1, "f16", change)).rejects.toMatchObject({
      code: "MODEL_INVALID",
      message: expect.stringContaining(message),
    });
  });

  const { model, added_tokens } = BOREALIS_TOKENIZER;
  it.each([
    ["no markers of audio", { added_tokens: added_tokens.slice(0, 2) }, 'no token "<|start_of_audio|>"'],
    ["another way to split text", { pre_tokenizer: { type: "ByteLevel" } }, "does not split text as Qwen's"],
    ["another kind of vocabulary", { model: { ...model, type: "Unigram" } }, "model.type is not BPE"],
    [
      "two tokens of one id",
      { model: { ...model, vocab: { ...model.vocab, z: 0 } } },
      '"z" with the id 0 is there twice',
    ],
    ["a merge that is none", { model: { ...model, merges: ["abc"] } }, "model.merges[0] is no pair"],
    ["no merges", { model: { type: "BPE", vocab: model.vocab } }, "model.merges is missing"],
    ["an added token that is none", { added_tokens: [null] }, "tokenizer.json is not valid"],
  ])("with a tokenizer that has %s is refused", async (_, change, message) => {
    const files = { "tokenizer.json": { ...BOREALIS_TOKENIZER, ...change } };
    await expect(convert(1, "f16", undefined, files)).rejects.toMatchObject({
      code: "MODEL_INVALID",
      message: expect.stringContaining(message),
    });
  });

  it("takes the types that it can be stored as", async () => {
    await expect(convert(1, "q5_1")).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("one of f32, f16, bf16, q4_0, q5_0, q8_0, q4_k, q5_k, q6_k for type"),
    });
  });

  it("with any damage fails with a coded error or not at all", async () => {
    const random = seededRandom(3);
    const intact: Record<string, Buffer> = { "model.safetensors": safetensors(borealisTensors(2)) };
    for (const [name, content] of Object.entries(borealisFiles()))
      intact[name] = Buffer.from(JSON.stringify(content));
    const names = Object.keys(intact);
    for (let i = 0; i < 150; i++) {
      const name = names[i % names.length]!;
      const damaged = Buffer.from(intact[name]!);
      for (let j = 0; j < 3; j++)
        damaged[Math.floor(random() * Math.min(damaged.length, 6000))] = random() * 256;
      const folder = await folderOf({ ...intact, [name]: damaged });
      await convertHere(folder, { out: join(folder, "out") }).catch((error) =>
        expect(error).toBeInstanceOf(TranscriptionError),
      );
    }
  });
});
