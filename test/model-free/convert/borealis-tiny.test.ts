import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { SourceFile } from "../../../src/models/convert/checkpoint/source-file.js";
import { readZip } from "../../../src/models/convert/checkpoint/zip.js";
import { bfloat16ToFloats } from "../../../src/models/convert/numbers/float16.js";
import { convertHere } from "../../support/convert-here.js";
import { readGguf } from "../../support/gguf-reader.js";
import { describeWithShared, sharedPath } from "../../support/shared.js";
import { temporaryFolder } from "../../support/temporary-folder.js";

/** The storages of the reference checkpoint by their numbers. */
async function storages(path: string): Promise<(number: number) => Buffer> {
  const file = await SourceFile.open(path);
  const entries = await readZip(file).finally(() => file.close());
  const archive = readFileSync(path);
  return (number) => {
    const { offset, size } = entries.get(`pytorch_model/data/${number}`)!;
    return archive.subarray(offset, offset + size);
  };
}

function widened(bfloats: Buffer): Buffer {
  const patterns = new Uint16Array(Uint8Array.from(bfloats).buffer);
  const values = new Float32Array(patterns.length);
  bfloat16ToFloats(patterns, values);
  return Buffer.from(values.buffer);
}

describeWithShared("the reference checkpoint of Borealis", () => {
  const source = () => sharedPath("borealis-tiny")!;

  it("becomes two files with the values of its bf16 tensors", async () => {
    const { files } = await convertHere(source(), { out: await temporaryFolder(), type: "bf16" });
    const [language, audio] = files.map(({ path }) => readGguf(readFileSync(path)));
    const storage = await storages(sharedPath("borealis-tiny/pytorch_model.bin")!);
    const expectTensor = (file: typeof language, name: string, number: number) => {
      const { type, bytes } = file!.tensors.find((tensor) => tensor.name === name)!;
      const original = storage(number);
      expect({ name, same: bytes.equals(type === 30 ? original : widened(original)) }).toEqual({
        name,
        same: true,
      });
    };

    // Two layers of twelve tensors, embeddings and the last norm; the output layer is the embeddings' storage again.
    expect(language!.tensors).toHaveLength(26);
    for (const [name, number] of Object.entries({
      "token_embd.weight": 39,
      "blk.0.attn_q.weight": 40,
      "blk.0.attn_q.bias": 41,
      "blk.0.attn_v.bias": 45,
      "blk.1.attn_output.weight": 58,
      "blk.1.ffn_gate.weight": 59,
      "blk.1.ffn_up.weight": 60,
      "blk.1.ffn_down.weight": 61,
      "blk.1.attn_norm.weight": 62,
      "blk.1.ffn_norm.weight": 63,
      "output_norm.weight": 64,
    }))
      expectTensor(language, name, number);

    // Two layers of fifteen, two convolutions with biases, positions, the last norm, the adapter with zero biases, markers.
    expect(audio!.tensors).toHaveLength(43);
    for (const [name, number] of Object.entries({
      "a.conv1d.1.weight": 0,
      "a.conv1d.2.bias": 3,
      "a.position_embd.weight": 4,
      "a.blk.0.attn_k.weight": 5,
      "a.blk.0.attn_v.weight": 6,
      "a.blk.1.ffn_up.weight": 29,
      "a.blk.1.ffn_down.bias": 32,
      "a.blk.1.ln2.bias": 34,
      "mm.a.norm_pre.weight": 35,
      "mm.a.mlp.1.weight": 37,
      "mm.a.mlp.2.weight": 38,
    }))
      expectTensor(audio, name, number);
    const table = storage(39);
    const markers = audio!.tensors.slice(-2).map(({ bytes }) => bytes);
    expect(
      markers.map((marker, i) =>
        marker.equals(widened(table.subarray(128 * (151_666 + i)).subarray(0, 128))),
      ),
    ).toEqual([true, true]);
  });

  it("keeps its tokenizer and what its base models say", async () => {
    const { files } = await convertHere(source(), { out: await temporaryFolder(), type: "q4_0" });
    const [language, audio] = files.map(({ path }) => readGguf(readFileSync(path)).metadata);
    const tokens = language!["tokenizer.ggml.tokens"] as string[];
    const types = language!["tokenizer.ggml.token_type"] as number[];
    const { model } = JSON.parse(readFileSync(sharedPath("borealis-tiny/tokenizer.json")!, "utf8"));
    expect(tokens).toHaveLength(151_668);
    expect(tokens.slice(-2)).toEqual(["<|start_of_audio|>", "<|end_of_audio|>"]);
    const wrong = Object.entries(model.vocab).filter(([token, id]) => tokens[id as number] !== token);
    expect(wrong).toEqual([]);
    expect([types.indexOf(3), new Set(types.slice(151_643))]).toEqual([151_643, new Set([3])]);
    expect((language!["tokenizer.ggml.merges"] as string[]).slice(0, 3)).toEqual(["Ġ Ġ", "ĠĠ ĠĠ", "i n"]);
    expect(language).toMatchObject({
      "general.architecture": "qwen2",
      "qwen2.attention.head_count": 4,
      "qwen2.attention.head_count_kv": 2,
      "qwen2.context_length": 4096,
      "qwen2.rope.freq_base": 1e6,
      "tokenizer.ggml.eos_token_id": 151_645,
      "tokenizer.ggml.padding_token_id": 151_665,
    });
    expect(audio).toMatchObject({
      "clip.audio.attention.head_count": 2,
      "clip.audio.projector.stack_factor": 4,
      "clip.audio.projection_dim": 64,
    });
  });
});
