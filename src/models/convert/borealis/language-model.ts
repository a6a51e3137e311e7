import type { Checkpoint } from "../checkpoint/folder.js";
import type { Inventory } from "../checkpoint/inventory.js";
import { haveEqualContents, invalidTensor, type StoredTensor } from "../checkpoint/tensor.js";
import type { GgufMetadata } from "../files/gguf.js";
import type { PlannedTensor } from "../files/tensor-copy.js";
import type { Encoding } from "../numbers/encoding.js";
import { languageModelFacts } from "./base-models.js";
import type { FileEncodings } from "./encodings.js";

/** The language model of a Borealis checkpoint, as a plain Qwen model of llama.cpp. */
export interface LanguageModelPlan {
  metadata: GgufMetadata;
  tensors: PlannedTensor[];
  /** One row of `width` values per token. */
  embeddings: StoredTensor;
  width: number;
  vocabularySize: number;
}

const FIRST_LAYER = "llm.model.layers.0.self_attn";

/** Takes all `llm.*` tensors. Generation 1 is Qwen2; generation 2 is Qwen3, known by its norms of queries and keys. */
export async function planLanguageModel(
  checkpoint: Checkpoint,
  inventory: Inventory,
  encodings: FileEncodings,
  signal: AbortSignal | undefined,
): Promise<LanguageModelPlan> {
  const facts = await languageModelFacts(checkpoint);
  const [vocabularySize = 0, width = 0] = inventory.shapeOf("llm.model.embed_tokens.weight", 2);
  if (width !== facts.width) {
    throw invalidTensor(
      checkpoint.tensors.get("llm.model.embed_tokens.weight")!,
      `has rows of ${width}, expected ${facts.width} as in the base model`,
    );
  }
  const isQwen3 = inventory.has(`${FIRST_LAYER}.q_norm.weight`);
  const architecture = isQwen3 ? "qwen3" : "qwen2";
  const [feedForward = 0] = inventory.shapeOf("llm.model.layers.0.mlp.gate_proj.weight", 2);
  const [headWidth = 0] = isQwen3
    ? inventory.shapeOf(`${FIRST_LAYER}.q_norm.weight`, 1)
    : [facts.width / facts.heads];
  const rows = (name: string) => headRows(checkpoint, inventory, `${FIRST_LAYER}.${name}.weight`, headWidth);
  const [queryRows, keyRows] = [rows("q_proj"), rows("k_proj")];
  if (!isQwen3 && queryRows !== width) {
    throw invalidTensor(
      checkpoint.tensors.get(`${FIRST_LAYER}.q_proj.weight`)!,
      `has ${queryRows} rows, expected ${width} as in every Qwen2 model`,
    );
  }
  const layers = inventory.layerCount("llm.model.layers.", facts.layers);

  const tensors: PlannedTensor[] = [];
  const add = (name: string, source: string, encoding: Encoding, ...shape: number[]): StoredTensor => {
    const tensor = inventory.take(`llm.${source}`, shape);
    tensors.push({ name, dimensions: [...shape].reverse(), encoding, source: { tensor } });
    return tensor;
  };
  const vector = (name: string, source: string, length: number) =>
    add(name, source, encodings.vector, length);
  const matrix = (name: string, source: string, outputs: number, inputs: number) =>
    add(name, source, encodings.matrix(inputs), outputs, inputs);

  const table = encodings.table(width);
  const embeddings = add("token_embd.weight", "model.embed_tokens.weight", table, vocabularySize, width);
  for (let i = 0; i < layers; i++) {
    const [name, source] = [`blk.${i}`, `model.layers.${i}`];
    vector(`${name}.attn_norm.weight`, `${source}.input_layernorm.weight`, width);
    for (const [part, size] of [
      ["q", queryRows],
      ["k", keyRows],
      ["v", keyRows],
    ] as const) {
      matrix(`${name}.attn_${part}.weight`, `${source}.self_attn.${part}_proj.weight`, size, width);
      if (!isQwen3) vector(`${name}.attn_${part}.bias`, `${source}.self_attn.${part}_proj.bias`, size);
    }
    if (isQwen3) {
      vector(`${name}.attn_q_norm.weight`, `${source}.self_attn.q_norm.weight`, headWidth);
      vector(`${name}.attn_k_norm.weight`, `${source}.self_attn.k_norm.weight`, headWidth);
    }
    matrix(`${name}.attn_output.weight`, `${source}.self_attn.o_proj.weight`, width, queryRows);
    vector(`${name}.ffn_norm.weight`, `${source}.post_attention_layernorm.weight`, width);
    matrix(`${name}.ffn_gate.weight`, `${source}.mlp.gate_proj.weight`, feedForward, width);
    matrix(`${name}.ffn_up.weight`, `${source}.mlp.up_proj.weight`, feedForward, width);
    matrix(`${name}.ffn_down.weight`, `${source}.mlp.down_proj.weight`, width, feedForward);
  }
  vector("output_norm.weight", "model.norm.weight", width);
  const head = inventory.takeOptional("llm.lm_head.weight", [vocabularySize, width]);
  if (head && !(await haveEqualContents(head, embeddings, signal))) {
    tensors.push({
      name: "output.weight",
      dimensions: [width, vocabularySize],
      encoding: table,
      source: { tensor: head },
    });
  }

  const key = (name: string) => `${architecture}.${name}`;
  const metadata: GgufMetadata = {
    "general.architecture": { string: architecture },
    "general.type": { string: "model" },
    [key("block_count")]: { uint32: layers },
    [key("context_length")]: { uint32: facts.contextLength },
    [key("embedding_length")]: { uint32: width },
    [key("feed_forward_length")]: { uint32: feedForward },
    [key("attention.head_count")]: { uint32: queryRows / headWidth },
    [key("attention.head_count_kv")]: { uint32: keyRows / headWidth },
    ...(isQwen3 && {
      [key("attention.key_length")]: { uint32: headWidth },
      [key("attention.value_length")]: { uint32: headWidth },
    }),
    [key("rope.freq_base")]: { float32: facts.ropeBase },
    [key("attention.layer_norm_rms_epsilon")]: { float32: facts.rmsEpsilon },
  };
  return { metadata, tensors, embeddings, width, vocabularySize };
}

/** Rows of a projection: a whole number of heads. */
function headRows(checkpoint: Checkpoint, inventory: Inventory, name: string, headWidth: number): number {
  const [rows = 0] = inventory.shapeOf(name, 2);
  if (Number.isInteger(rows / headWidth)) return rows;
  throw invalidTensor(
    checkpoint.tensors.get(name)!,
    `has ${rows} rows, which is no whole number of heads of ${headWidth}`,
  );
}
