// A llama model with random weights, a few hundred kilobytes: its text means nothing, but it is the same every time.
//
// File layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
import { writeFile } from "node:fs/promises";

const WIDTH = 64;
const LAYERS = 2;
const HEADS = 4;
const HIDDEN = 128;
const ALIGNMENT = 32;

const KIND = { uint32: 4, int32: 5, float32: 6, string: 8, array: 9 };
const TENSOR = { f32: 0, q8_0: 8 };
const TOKEN = { normal: 1, unknown: 2, control: 3, byte: 6 };

const bytes = (size, write) => {
  const buffer = Buffer.alloc(size);
  write(buffer);
  return buffer;
};
const uint32 = (value) => bytes(4, (buffer) => buffer.writeUInt32LE(value));
const int32 = (value) => bytes(4, (buffer) => buffer.writeInt32LE(value));
const uint64 = (value) => bytes(8, (buffer) => buffer.writeBigUInt64LE(BigInt(value)));
const float32 = (value) => bytes(4, (buffer) => buffer.writeFloatLE(value));
const string = (value) => Buffer.concat([uint64(Buffer.byteLength(value)), Buffer.from(value)]);
const encode = { uint32, int32, float32, string };

const entry = (key, kind, value) => Buffer.concat([string(key), uint32(KIND[kind]), encode[kind](value)]);
const list = (key, kind, values) =>
  Buffer.concat([
    string(key),
    uint32(KIND.array),
    uint32(KIND[kind]),
    uint64(values.length),
    ...values.map(encode[kind]),
  ]);

/** Numbers in [0, 1) that are the same on every machine (mulberry32). */
function randomNumbers(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function vocabulary() {
  const tokens = [
    { text: "<unk>", type: TOKEN.unknown },
    { text: "<s>", type: TOKEN.control },
    { text: "</s>", type: TOKEN.control },
  ];
  for (let byte = 0; byte < 256; ++byte) {
    tokens.push({ text: `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`, type: TOKEN.byte });
  }
  for (const letter of "▁abcdefghijklmnopqrstuvwxyz") tokens.push({ text: letter, type: TOKEN.normal });
  return tokens;
}

/** Blocks of 32 weights: a half-precision scale (here 2^-6) and 32 signed bytes. */
function quantized(count, random) {
  const blocks = Buffer.alloc((count / 32) * 34);
  for (let at = 0; at < blocks.length; at += 34) {
    blocks.writeUInt16LE(0x2400, at);
    for (let i = 2; i < 34; ++i) blocks.writeInt8(Math.floor(random() * 41) - 20, at + i);
  }
  return blocks;
}

/** Writes the model to `file`. */
export async function writeRandomLlama(file) {
  const random = randomNumbers(1);
  const tokens = vocabulary();
  const weight = (name, inputs, outputs) => ({
    name: `${name}.weight`,
    shape: [inputs, outputs],
    type: TENSOR.q8_0,
    data: quantized(inputs * outputs, random),
  });
  const norm = (name) => ({
    name: `${name}.weight`,
    shape: [WIDTH],
    type: TENSOR.f32,
    data: Buffer.concat(Array.from({ length: WIDTH }, () => float32(1))),
  });
  const tensors = [weight("token_embd", WIDTH, tokens.length), norm("output_norm")];
  tensors.push(weight("output", WIDTH, tokens.length));
  for (let layer = 0; layer < LAYERS; ++layer) {
    const of = (name) => `blk.${layer}.${name}`;
    tensors.push(norm(of("attn_norm")), norm(of("ffn_norm")));
    for (const name of ["attn_q", "attn_k", "attn_v", "attn_output"])
      tensors.push(weight(of(name), WIDTH, WIDTH));
    tensors.push(weight(of("ffn_gate"), WIDTH, HIDDEN), weight(of("ffn_up"), WIDTH, HIDDEN));
    tensors.push(weight(of("ffn_down"), HIDDEN, WIDTH));
  }

  const metadata = [
    entry("general.architecture", "string", "llama"),
    entry("general.name", "string", "random"),
    entry("llama.context_length", "uint32", 256),
    entry("llama.embedding_length", "uint32", WIDTH),
    entry("llama.block_count", "uint32", LAYERS),
    entry("llama.feed_forward_length", "uint32", HIDDEN),
    entry("llama.attention.head_count", "uint32", HEADS),
    entry("llama.attention.layer_norm_rms_epsilon", "float32", 1e-5),
    entry("llama.rope.dimension_count", "uint32", WIDTH / HEADS),
    entry("tokenizer.ggml.model", "string", "llama"),
    list(
      "tokenizer.ggml.tokens",
      "string",
      tokens.map((token) => token.text),
    ),
    list(
      "tokenizer.ggml.scores",
      "float32",
      tokens.map((_, index) => -index),
    ),
    list(
      "tokenizer.ggml.token_type",
      "int32",
      tokens.map((token) => token.type),
    ),
    entry("tokenizer.ggml.bos_token_id", "uint32", 1),
    entry("tokenizer.ggml.eos_token_id", "uint32", 2),
  ];

  const padded = (buffer, from = buffer.length) =>
    Buffer.concat([buffer, Buffer.alloc((ALIGNMENT - (from % ALIGNMENT)) % ALIGNMENT)]);
  let offset = 0;
  const descriptions = [];
  const data = [];
  for (const { name, shape, type, data: content } of tensors) {
    descriptions.push(string(name), uint32(shape.length), ...shape.map(uint64), uint32(type), uint64(offset));
    data.push(padded(content));
    offset += data.at(-1).length;
  }
  const header = Buffer.concat([
    Buffer.from("GGUF"),
    uint32(3),
    uint64(tensors.length),
    uint64(metadata.length),
    ...metadata,
    ...descriptions,
  ]);
  await writeFile(file, Buffer.concat([padded(header), ...data]));
}
