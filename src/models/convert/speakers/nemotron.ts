import { join } from "node:path";
import { invalidArgument } from "../../../errors.js";
import type { Checkpoint } from "../checkpoint/folder.js";
import { Inventory } from "../checkpoint/inventory.js";
import type { JsonObject } from "../checkpoint/json.js";
import type { Conversion, ConversionRequest } from "../conversion.js";
import type { GgufMetadata } from "../files/gguf.js";
import type { PlannedTensor, TensorSource } from "../files/tensor-copy.js";
import { ENCODINGS, type Encoding } from "../numbers/encoding.js";
import { melFilters } from "../whisper/mel-filters.js";
import { writeModel } from "./write-model.js";

/** Coarser ones choose other frames for the speaker cache, and from there on hear other speakers. */
const TYPES = ["f32", "f16", "bf16", "q8_0"] as const;
const HEAD_WIDTH = 64;
const MEL_BANDS = 128;
const SPECTRUM = 512;
const STACKED = 8;
const TOWER = "model.audio_tower.";

/**
 * NVIDIA's Nemotron-3-Diarization in Hugging Face's layout as one GGUF file with the names of NVIDIA's own.
 * @throws TranscriptionError INVALID_ARGUMENT, MODEL_INVALID, CANCELLED
 */
export async function convertNemotron(
  checkpoint: Checkpoint,
  request: ConversionRequest,
): Promise<Conversion> {
  const type = TYPES.find((known) => known === request.type);
  if (!type)
    throw invalidArgument("type", `one of ${TYPES.join(", ")} for Nemotron-3-Diarization`, request.type);
  const { tensors, metadata } = plan(checkpoint, ENCODINGS[type]);
  const path = join(request.folder, `${checkpoint.name}-${type}.gguf`);
  const named = { ...metadata, "general.name": { string: checkpoint.name } };
  const bytes = await writeModel(path, named, tensors, request);
  return { kind: "diarization", type, files: [{ role: "model", path, bytes }] };
}

interface Shape {
  width: number;
  heads: number;
  feedForward: number;
  layers: number;
  headWidth: number;
  speakers: number;
}

function plan(checkpoint: Checkpoint, matrices: Encoding) {
  const inventory = new Inventory(checkpoint);
  const shape = shapeOf(checkpoint, inventory);
  const { width, feedForward, layers, headWidth, speakers } = shape;
  const tensors: PlannedTensor[] = [];
  const push = (name: string, dimensions: readonly number[], encoding: Encoding, source: TensorSource) =>
    tensors.push({ name, dimensions, encoding, source });
  const take = (name: string, source: string, encoding: Encoding, ...shape: number[]) =>
    push(name, [...shape].reverse(), encoding, { tensor: inventory.take(source, shape) });
  const vector = (name: string, source: string, size: number) => take(name, source, ENCODINGS.f32, size);
  const matrix = (name: string, source: string, outputs: number, inputs: number) => {
    // Rows that are no whole blocks stay as they are: they are few.
    const encoding = inputs % matrices.blockValues === 0 ? matrices : ENCODINGS.f32;
    take(`${name}.weight`, `${source}.weight`, encoding, outputs, inputs);
  };
  const linear = (name: string, source: string, outputs: number, inputs: number) => {
    matrix(name, source, outputs, inputs);
    vector(`${name}.bias`, `${source}.bias`, outputs);
  };
  const norm = (name: string, source: string) => {
    vector(`${name}.weight`, `${source}.weight`, width);
    vector(`${name}.bias`, `${source}.bias`, width);
  };
  const bins = SPECTRUM / 2 + 1;
  push("preprocessor.fb", [bins, MEL_BANDS], ENCODINGS.f32, { values: melFilters(MEL_BANDS, SPECTRUM) });
  matrix("encoder.pre_encode.proj", `${TOWER}embedder.projection`, width, STACKED * MEL_BANDS);
  norm("encoder.embed_norm", `${TOWER}input_layer_norm`);
  for (let i = 0; i < layers; i++) {
    const [name, source] = [`encoder.layers.${i}`, `${TOWER}layers.${i}`];
    norm(`${name}.norm1`, `${source}.layer_norm1`);
    const parts = ["q_proj", "k_proj", "v_proj"].map((part) =>
      inventory.take(`${source}.self_attn.${part}.weight`, [width, width]),
    );
    push(`${name}.attn.w_qkv.weight`, [width, 3 * width], matrices, { tensors: parts });
    linear(`${name}.attn.out_proj`, `${source}.self_attn.o_proj`, width, width);
    norm(`${name}.norm2`, `${source}.layer_norm2`);
    linear(`${name}.ffn.net.0`, `${source}.mlp.fc1`, feedForward, width);
    linear(`${name}.ffn.net.3`, `${source}.mlp.fc2`, width, feedForward);
  }
  norm("encoder.final_norm", `${TOWER}layer_norm`);
  linear("encoder_proj", "model.proj", headWidth, width);
  const upsampler = "model.upsampler.conv";
  take("subpixel_upsample.weight", `${upsampler}.weight`, ENCODINGS.f32, STACKED * headWidth, headWidth, 3);
  vector("subpixel_upsample.bias", `${upsampler}.bias`, STACKED * headWidth);
  linear("head.first_hidden_to_hidden", "classifier.dense", headWidth, headWidth);
  linear("head.single_hidden_to_spks", "classifier.out_proj", speakers, headWidth);
  vector("learnable_sil_emb", "silence_embeds", width);
  inventory.finish();
  return { tensors, metadata: metadataOf(checkpoint.config, shape) };
}

function shapeOf(checkpoint: Checkpoint, inventory: Inventory): Shape {
  const { config } = checkpoint;
  const audio = config.require("audio_config", config.object("audio_config"));
  const [width = 0] = inventory.shapeOf(`${TOWER}embedder.projection.weight`, 2);
  const [feedForward = 0] = inventory.shapeOf(`${TOWER}layers.0.mlp.fc1.weight`, 2);
  const [headWidth = 0] = inventory.shapeOf("model.proj.weight", 2);
  const [speakers = 0] = inventory.shapeOf("classifier.out_proj.weight", 2);
  const heads = audio.count("num_attention_heads") ?? width / HEAD_WIDTH;
  expect(audio, "num_attention_heads", width / HEAD_WIDTH);
  expect(audio, "num_key_value_heads", heads);
  expect(audio, "num_mel_bins", MEL_BANDS);
  expect(audio, "subsampling_factor", STACKED);
  const layers = inventory.layerCount(`${TOWER}layers.`, audio.count("num_hidden_layers"));
  return { width, heads, feedForward, layers, headWidth, speakers };
}

/** @throws TranscriptionError MODEL_INVALID where the settings have another number */
function expect(settings: JsonObject, field: string, value: number): void {
  const given = settings.number(field);
  if (given !== undefined && given !== value)
    throw settings.invalid(`${field} is ${given}, expected ${value}`);
}

function metadataOf(config: JsonObject, shape: Shape): GgufMetadata {
  const rope = config.object("audio_config")?.object("rope_parameters");
  const cache = config.object("streaming_config");
  const encoder = "sortformer.encoder.";
  const preprocessor = "sortformer.preprocessor.";
  const scoring = "sortformer.scoring.";
  return {
    "general.architecture": { string: "sortformer" },
    "general.license": { string: "OpenMDW-1.1" },
    "sortformer.version": { string: "v3" },
    "sortformer.num_speakers": { uint32: shape.speakers },
    "sortformer.upsample_factor": { uint32: STACKED },
    [`${encoder}type`]: { string: "transformer_rope" },
    [`${encoder}subsampling_type`]: { string: "feature_stacking" },
    [`${encoder}d_model`]: { uint32: shape.width },
    [`${encoder}n_heads`]: { uint32: shape.heads },
    [`${encoder}d_ff`]: { uint32: shape.feedForward },
    [`${encoder}n_layers`]: { uint32: shape.layers },
    [`${encoder}feat_in`]: { uint32: MEL_BANDS },
    [`${encoder}subsampling_factor`]: { uint32: STACKED },
    [`${encoder}rope_base`]: { float32: rope?.number("rope_theta") ?? 10_000 },
    [`${encoder}rotary_fraction`]: { float32: rope?.number("partial_rotary_factor") ?? 1 },
    "sortformer.transformer.hidden_size": { uint32: shape.headWidth },
    [`${preprocessor}sample_rate`]: { uint32: 16_000 },
    [`${preprocessor}n_fft`]: { uint32: SPECTRUM },
    [`${preprocessor}features`]: { uint32: MEL_BANDS },
    [`${preprocessor}preemph`]: { float32: 0.97 },
    [`${preprocessor}log_zero_guard`]: { float32: 2 ** -24 },
    [`${scoring}spkcache_sil_frames_per_spk`]: {
      uint32: cache?.count("speaker_cache_silence_frames_per_speaker") ?? 1,
    },
    [`${scoring}pred_score_threshold`]: { float32: cache?.number("prediction_score_threshold") ?? 0.25 },
    [`${scoring}scores_boost_latest`]: { float32: cache?.number("latest_frames_score_boost") ?? 0.05 },
    [`${scoring}strong_boost_rate`]: { float32: cache?.number("strong_boost_rate") ?? 0.75 },
    [`${scoring}weak_boost_rate`]: { float32: cache?.number("weak_boost_rate") ?? 1.5 },
    [`${scoring}min_pos_scores_rate`]: { float32: cache?.number("min_positive_scores_rate") ?? 0.5 },
  };
}
