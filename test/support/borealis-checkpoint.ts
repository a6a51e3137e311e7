import { seededRandom } from "./random.js";
import { floats, type TestTensor } from "./safetensors-writer.js";

/** Sizes of a tiny checkpoint, all different where the layout allows it. */
export const BOREALIS = {
  audioWidth: 64,
  audioHeads: 2,
  audioFeedForward: 160,
  positions: 12,
  stacked: 4,
  width: 32,
  heads: 4,
  keyHeads: 2,
  feedForward: 96,
  vocabulary: 12,
} as const;

/** Width of a head of the second generation: not the model's width by its heads. */
export const QWEN3_HEAD_WIDTH = 16;

export type Generation = 1 | 2;

export type BorealisSizes = Record<keyof typeof BOREALIS, number>;

/** The tensors of a Borealis checkpoint with one layer each: generation 1 is Qwen2, generation 2 is Qwen3. */
export function borealisTensors(
  generation: Generation,
  sizes: BorealisSizes = BOREALIS,
): Map<string, TestTensor> {
  const {
    audioWidth,
    audioFeedForward,
    positions,
    stacked,
    width,
    heads,
    keyHeads,
    feedForward,
    vocabulary,
  } = sizes;
  const headWidth = generation === 2 ? QWEN3_HEAD_WIDTH : width / heads;
  const shapes: Record<string, number[]> = {
    "encoder.conv1.weight": [audioWidth, 128, 3],
    "encoder.conv1.bias": [audioWidth],
    "encoder.conv2.weight": [audioWidth, audioWidth, 3],
    "encoder.conv2.bias": [audioWidth],
    "encoder.embed_positions.weight": [positions, audioWidth],
    "encoder.layer_norm.weight": [audioWidth],
    "encoder.layer_norm.bias": [audioWidth],
    "adapter.w_in.weight": [width, stacked * audioWidth],
    "adapter.w_out.weight": [width, width],
    "llm.model.embed_tokens.weight": [vocabulary, width],
    "llm.model.norm.weight": [width],
  };
  const encoder = (name: string, shape: number[]) => {
    shapes[`encoder.layers.0.${name}`] = shape;
  };
  for (const part of ["q_proj", "k_proj", "v_proj", "out_proj"]) {
    encoder(`self_attn.${part}.weight`, [audioWidth, audioWidth]);
    if (part !== "k_proj") encoder(`self_attn.${part}.bias`, [audioWidth]);
  }
  for (const part of ["self_attn_layer_norm", "final_layer_norm"]) {
    encoder(`${part}.weight`, [audioWidth]);
    encoder(`${part}.bias`, [audioWidth]);
  }
  encoder("fc1.weight", [audioFeedForward, audioWidth]);
  encoder("fc1.bias", [audioFeedForward]);
  encoder("fc2.weight", [audioWidth, audioFeedForward]);
  encoder("fc2.bias", [audioWidth]);

  const language = (name: string, shape: number[]) => {
    shapes[`llm.model.layers.0.${name}`] = shape;
  };
  for (const [part, count] of Object.entries({ q: heads, k: keyHeads, v: keyHeads })) {
    language(`self_attn.${part}_proj.weight`, [count * headWidth, width]);
    if (generation === 1) language(`self_attn.${part}_proj.bias`, [count * headWidth]);
  }
  if (generation === 2) {
    language("self_attn.q_norm.weight", [headWidth]);
    language("self_attn.k_norm.weight", [headWidth]);
  }
  language("self_attn.o_proj.weight", [width, heads * headWidth]);
  language("mlp.gate_proj.weight", [feedForward, width]);
  language("mlp.up_proj.weight", [feedForward, width]);
  language("mlp.down_proj.weight", [width, feedForward]);
  language("input_layernorm.weight", [width]);
  language("post_attention_layernorm.weight", [width]);

  const random = seededRandom(generation);
  return new Map(
    Object.entries(shapes).map(([name, shape]) => [name, floats(shape, () => random() * 2 - 1)]),
  );
}

const QWEN_PATTERN =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/** Six text tokens, five special ones and, up to the size of the table, one row without a token. */
export const BOREALIS_TOKENIZER = {
  added_tokens: ["<|endoftext|>", "<|im_end|>", "<|start_of_audio|>", "<|end_of_audio|>", "<tool>"].map(
    (content, index) => ({ id: 6 + index, content, special: content !== "<tool>" }),
  ),
  normalizer: null,
  pre_tokenizer: {
    type: "Sequence",
    pretokenizers: [
      { type: "Split", pattern: { Regex: QWEN_PATTERN }, behavior: "Isolated" },
      { type: "ByteLevel" },
    ],
  },
  model: {
    type: "BPE",
    vocab: { a: 0, b: 1, c: 2, ab: 3, Ġ: 4, abc: 5 },
    merges: [["a", "b"], "ab c"],
  },
};

/** All files of a checkpoint but the tensors'. */
export function borealisFiles(sizes: BorealisSizes = BOREALIS): Record<string, unknown> {
  const { audioHeads, width, heads } = sizes;
  return {
    "config.json": { model_type: "borealis", whisper_encoder_name: "./encoder", llm_name: "./llm" },
    "encoder/config.json": { encoder_layers: 1, encoder_attention_heads: audioHeads },
    "llm/config.json": {
      hidden_size: width,
      num_attention_heads: heads,
      num_hidden_layers: 1,
      max_position_embeddings: 512,
      rms_norm_eps: 1e-6,
      rope_theta: 1e6,
    },
    "tokenizer.json": BOREALIS_TOKENIZER,
    "tokenizer_config.json": { eos_token: { content: "<|im_end|>" }, pad_token: "<|endoftext|>" },
  };
}
