import type { TestTensor } from "./safetensors-writer.js";
import type { WhisperFile } from "./whisper-file-reader.js";

/** whisper.cpp's names and Hugging Face's, from the inside of a layer to the outside. */
const RENAMED: readonly [RegExp, string][] = [
  [/cross_attn_ln/, "encoder_attn_layer_norm"],
  [/(?<!cross_)attn_ln/, "self_attn_layer_norm"],
  [/cross_attn\./, "encoder_attn."],
  [/(?<!encoder_)attn\./, "self_attn."],
  [/attn\.query/, "attn.q_proj"],
  [/attn\.key/, "attn.k_proj"],
  [/attn\.value/, "attn.v_proj"],
  [/attn\.out\./, "attn.out_proj."],
  [/mlp_ln/, "final_layer_norm"],
  [/mlp\.0/, "fc1"],
  [/mlp\.2/, "fc2"],
  [/coder\.blocks/, "coder.layers"],
  [/positional_embedding/, "embed_positions.weight"],
  [/token_embedding/, "embed_tokens"],
];

/** A Whisper model in Hugging Face's layout, from a model file: names, shapes and tensors, written the other way round. */
export function huggingFaceTensors({ tensors }: WhisperFile, prefix = "model."): Map<string, TestTensor> {
  return new Map(
    tensors.map(({ name, type, dimensions, bytes }) => {
      const shape = [...dimensions].reverse();
      const tensor: TestTensor = {
        type: type === 0 ? "F32" : "F16",
        shape: /conv\d\.bias/.test(name) ? [shape[0]!] : shape,
        bytes,
      };
      return [prefix + huggingFaceName(name), tensor];
    }),
  );
}

function huggingFaceName(name: string): string {
  const last = /^(encoder\.ln_post|decoder\.ln)\.(.*)$/.exec(name);
  if (last) return `${last[1]!.split(".")[0]}.layer_norm.${last[2]}`;
  return RENAMED.reduce((renamed, [pattern, replacement]) => renamed.replace(pattern, replacement), name);
}

export function huggingFaceConfig({ hyperParameters }: WhisperFile): Record<string, unknown> {
  const [vocab_size, , d_model, heads, encoder_layers, , , , decoder_layers, num_mel_bins] = hyperParameters;
  return {
    model_type: "whisper",
    vocab_size,
    d_model,
    encoder_attention_heads: heads,
    decoder_attention_heads: heads,
    encoder_layers,
    decoder_layers,
    num_mel_bins,
  };
}

/** vocab.json: byte-level text to id, with the special token that comes after the text tokens. */
export function huggingFaceVocabulary({ vocabulary }: WhisperFile): Record<string, number> {
  const entries = vocabulary.map((bytes, id) => [Array.from(bytes, byteCharacter).join(""), id] as const);
  return { ...Object.fromEntries(entries), "<|endoftext|>": vocabulary.length };
}

const UNPRINTABLE = [
  ...Array.from({ length: 33 }, (_, i) => i),
  ...Array.from({ length: 34 }, (_, i) => 127 + i),
  173,
];

function byteCharacter(byte: number): string {
  const index = UNPRINTABLE.indexOf(byte);
  return String.fromCharCode(index < 0 ? byte : 256 + index);
}
