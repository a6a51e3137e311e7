import type { Checkpoint } from "../checkpoint/folder.js";
import type { Inventory } from "../checkpoint/inventory.js";
import { invalidTensor } from "../checkpoint/tensor.js";
import { quoted } from "../errors.js";
import type { GgufMetadata } from "../files/gguf.js";
import type { PlannedTensor, TensorSource } from "../files/tensor-copy.js";
import { HEAD_WIDTH } from "../files/whisper-file.js";
import type { Encoding } from "../numbers/encoding.js";
import { encoderFacts } from "./base-models.js";
import type { FileEncodings } from "./encodings.js";
import type { LanguageModelPlan } from "./language-model.js";

/** The audio side: Whisper's encoder and the adapter to the language model. */
export interface AudioEncoderPlan {
  metadata: GgufMetadata;
  tensors: PlannedTensor[];
}

const W_IN = "adapter.w_in.weight";
const W_OUT = "adapter.w_out.weight";
const LAYER_NORM_EPSILON = 1e-5;

/**
 * Takes all `encoder.*` and `adapter.*` tensors. llama.cpp's projector type `glma` is the same computation: layer norm,
 * frames stacked, two linear layers with GELU between, and the embeddings of two markers around the result.
 * Source: llama.cpp, tools/mtmd/clip-impl.h and tools/mtmd/models/whisper-enc.cpp.
 * @param markers ids of the tokens before and after the audio
 */
export async function planAudioEncoder(
  checkpoint: Checkpoint,
  inventory: Inventory,
  encodings: FileEncodings,
  language: LanguageModelPlan,
  markers: { start: number; end: number },
): Promise<AudioEncoderPlan> {
  refuseOtherAdapters(checkpoint);
  const facts = await encoderFacts(checkpoint);
  const [width = 0, melBands = 0] = inventory.shapeOf("encoder.conv1.weight", 3);
  const [positions = 0] = inventory.shapeOf("encoder.embed_positions.weight", 2);
  const [feedForward = 0] = inventory.shapeOf("encoder.layers.0.fc1.weight", 2);
  const layers = inventory.layerCount("encoder.layers.", facts.layers);
  const stacked = stackedFrames(checkpoint, inventory, width, positions);
  const heads = facts.heads ?? width / HEAD_WIDTH;
  if (!Number.isInteger(width / heads) || !Number.isInteger(heads)) {
    throw checkpoint.invalid(
      `tensor encoder.conv1.weight has ${width} channels, which ${heads} heads cannot share`,
    );
  }

  const tensors: PlannedTensor[] = [];
  const push = (name: string, dimensions: readonly number[], encoding: Encoding, source: TensorSource) =>
    tensors.push({ name, dimensions, encoding, source });
  const add = (name: string, source: string, encoding: Encoding, ...shape: number[]) =>
    push(name, [...shape].reverse(), encoding, { tensor: inventory.take(source, shape) });
  const linear = (name: string, source: string, outputs: number, inputs: number, hasBias = true) => {
    add(`${name}.weight`, `${source}.weight`, encodings.matrix(inputs), outputs, inputs);
    if (hasBias) add(`${name}.bias`, `${source}.bias`, encodings.vector, outputs);
  };
  const norm = (name: string, source: string) => {
    add(`${name}.weight`, `${source}.weight`, encodings.vector, width);
    add(`${name}.bias`, `${source}.bias`, encodings.vector, width);
  };
  const convolution = (number: 1 | 2, inputs: number) => {
    const [name, source] = [`a.conv1d.${number}`, `encoder.conv${number}`];
    add(`${name}.weight`, `${source}.weight`, encodings.convolution, width, inputs, 3);
    // Added to a matrix of one row per channel.
    const bias = inventory.take(`${source}.bias`, [width]);
    push(`${name}.bias`, [1, width], encodings.vector, { tensor: bias });
  };
  const adapter = (name: string, source: string, inputs: number) => {
    add(`${name}.weight`, source, encodings.matrix(inputs), language.width, inputs);
    // The adapter has no biases; llama.cpp asks for them.
    push(`${name}.bias`, [language.width], encodings.vector, { zeros: language.width });
  };
  const marker = (name: string, token: number) =>
    push(name, [language.width], encodings.vector, {
      tensor: language.embeddings,
      from: token * language.width,
      count: language.width,
    });

  convolution(1, melBands);
  convolution(2, width);
  add("a.position_embd.weight", "encoder.embed_positions.weight", encodings.vector, positions, width);
  for (let i = 0; i < layers; i++) {
    const [name, source] = [`a.blk.${i}`, `encoder.layers.${i}`];
    norm(`${name}.ln1`, `${source}.self_attn_layer_norm`);
    linear(`${name}.attn_q`, `${source}.self_attn.q_proj`, width, width);
    linear(`${name}.attn_k`, `${source}.self_attn.k_proj`, width, width, false);
    linear(`${name}.attn_v`, `${source}.self_attn.v_proj`, width, width);
    linear(`${name}.attn_out`, `${source}.self_attn.out_proj`, width, width);
    norm(`${name}.ln2`, `${source}.final_layer_norm`);
    linear(`${name}.ffn_up`, `${source}.fc1`, feedForward, width);
    linear(`${name}.ffn_down`, `${source}.fc2`, width, feedForward);
  }
  norm("mm.a.norm_pre", "encoder.layer_norm");
  adapter("mm.a.mlp.1", W_IN, stacked * width);
  adapter("mm.a.mlp.2", W_OUT, language.width);
  marker("v.boi", markers.start);
  marker("v.eoi", markers.end);

  const metadata: GgufMetadata = {
    "general.architecture": { string: "clip" },
    "general.type": { string: "mmproj" },
    "clip.has_audio_encoder": { bool: true },
    "clip.projector_type": { string: "glma" },
    "clip.audio.projection_dim": { uint32: language.width },
    "clip.audio.embedding_length": { uint32: width },
    "clip.audio.feed_forward_length": { uint32: feedForward },
    "clip.audio.block_count": { uint32: layers },
    "clip.audio.attention.head_count": { uint32: heads },
    "clip.audio.attention.layer_norm_epsilon": { float32: LAYER_NORM_EPSILON },
    "clip.audio.num_mel_bins": { uint32: melBands },
    "clip.audio.projector.stack_factor": { uint32: stacked },
  };
  return { metadata, tensors };
}

/** Other adapters compute something else; a missing tensor of this one is found later. */
function refuseOtherAdapters({ tensors }: Checkpoint): void {
  for (const tensor of tensors.values()) {
    if (!tensor.name.startsWith("adapter.") || [W_IN, W_OUT].includes(tensor.name)) continue;
    throw tensor.file.invalid(
      `tensor ${quoted(tensor.name)} belongs to an unknown adapter; expected ${W_IN} and ${W_OUT} alone`,
    );
  }
}

/** How many of the encoder's frames make one row for the language model. */
function stackedFrames(
  checkpoint: Checkpoint,
  inventory: Inventory,
  width: number,
  positions: number,
): number {
  const [, inputs = 0] = inventory.shapeOf(W_IN, 2);
  const stacked = inputs / width;
  if (Number.isInteger(stacked) && positions % stacked === 0) return stacked;
  throw invalidTensor(
    checkpoint.tensors.get(W_IN)!,
    `has ${inputs} inputs, which is no number of frames of ${width} that ${positions} can be divided into`,
  );
}
