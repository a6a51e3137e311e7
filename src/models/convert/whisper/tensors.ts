import type { Inventory } from "../checkpoint/inventory.js";
import type { StoredTensor } from "../checkpoint/tensor.js";
import type { PlannedTensor } from "../files/tensor-copy.js";
import { ENCODINGS } from "../numbers/encoding.js";

/** Sizes of a Whisper model, with the names that the `.bin` format gives them. */
export interface WhisperShape {
  vocabulary: number;
  audioContext: number;
  textContext: number;
  width: number;
  feedForward: number;
  audioLayers: number;
  textLayers: number;
  melBands: number;
}

/** Attention's parts, in Hugging Face's names and whisper.cpp's. Keys have no bias. */
const ATTENTION = [
  ["q_proj", "query", true],
  ["k_proj", "key", false],
  ["v_proj", "value", true],
  ["out_proj", "out", true],
] as const;

/**
 * All tensors in the order of whisper.cpp's own files. Matrices and convolutions are stored as `matrices`,
 * the rest as f32.
 * @param shape `tokenRows` are the rows of the checkpoint's table of tokens, of which `vocabulary` are kept
 * @param prefix what comes before `encoder.` in the names, `"model."` or nothing
 */
export function planWhisperTensors(
  inventory: Inventory,
  prefix: string,
  shape: WhisperShape & { tokenRows: number },
  matrices: "f16" | "f32",
): PlannedTensor[] {
  const { width, feedForward, melBands } = shape;
  const planned: PlannedTensor[] = [];

  const add = (name: string, source: string, sizes: readonly number[], stored: "f16" | "f32") => {
    const tensor: StoredTensor = inventory.take(prefix + source, sizes);
    planned.push({
      name,
      dimensions: [...sizes].reverse(),
      encoding: ENCODINGS[stored],
      source: { tensor },
    });
  };
  const matrix = (name: string, source: string, ...sizes: number[]) => add(name, source, sizes, matrices);
  const vector = (name: string, source: string, ...sizes: number[]) => add(name, source, sizes, "f32");
  const convolution = (number: 1 | 2, inputs: number) => {
    const name = `encoder.conv${number}`;
    matrix(`${name}.weight`, `${name}.weight`, width, inputs, 3);
    vector(`${name}.bias`, `${name}.bias`, width);
    // whisper.cpp adds it to a matrix of one row per channel.
    planned.at(-1)!.dimensions = [1, width];
  };
  const norm = (name: string, source: string) => {
    vector(`${name}.weight`, `${source}.weight`, width);
    vector(`${name}.bias`, `${source}.bias`, width);
  };
  const attention = (name: string, source: string) => {
    for (const [from, to, hasBias] of ATTENTION) {
      matrix(`${name}.${to}.weight`, `${source}.${from}.weight`, width, width);
      if (hasBias) vector(`${name}.${to}.bias`, `${source}.${from}.bias`, width);
    }
    norm(`${name}_ln`, `${source}_layer_norm`);
  };
  const block = (name: string, source: string, hasCrossAttention: boolean) => {
    attention(`${name}.attn`, `${source}.self_attn`);
    if (hasCrossAttention) attention(`${name}.cross_attn`, `${source}.encoder_attn`);
    matrix(`${name}.mlp.0.weight`, `${source}.fc1.weight`, feedForward, width);
    vector(`${name}.mlp.0.bias`, `${source}.fc1.bias`, feedForward);
    matrix(`${name}.mlp.2.weight`, `${source}.fc2.weight`, width, feedForward);
    vector(`${name}.mlp.2.bias`, `${source}.fc2.bias`, width);
    norm(`${name}.mlp_ln`, `${source}.final_layer_norm`);
  };

  vector("encoder.positional_embedding", "encoder.embed_positions.weight", shape.audioContext, width);
  convolution(1, melBands);
  convolution(2, width);
  for (let i = 0; i < shape.audioLayers; i++) block(`encoder.blocks.${i}`, `encoder.layers.${i}`, false);
  norm("encoder.ln_post", "encoder.layer_norm");
  matrix("decoder.token_embedding.weight", "decoder.embed_tokens.weight", shape.tokenRows, width);
  const table = planned.at(-1)!;
  table.dimensions = [width, shape.vocabulary];
  if ("tensor" in table.source) table.source.count = shape.vocabulary * width;
  vector("decoder.positional_embedding", "decoder.embed_positions.weight", shape.textContext, width);
  for (let i = 0; i < shape.textLayers; i++) block(`decoder.blocks.${i}`, `decoder.layers.${i}`, true);
  norm("decoder.ln", "decoder.layer_norm");
  return planned;
}
