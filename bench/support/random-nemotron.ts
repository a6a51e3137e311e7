/**
 * Nemotron-3-Diarization in Hugging Face's layout with random weights: the size and the work of the real one, and
 * nothing learnt. `models convert` makes a model of it.
 */
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { randomValues } from "./random-values.js";

/** Sizes, as the checkpoint's configuration names them. */
export interface NemotronShape {
  /** Width of the encoder, a multiple of 64; heads are 64 wide. */
  hiddenSize: number;
  intermediateSize: number;
  layers: number;
  /** Width behind the encoder. */
  headSize: number;
}

/** That of nvidia/Nemotron-3-Diarization. */
export const NEMOTRON_SHAPE: NemotronShape = {
  hiddenSize: 512,
  intermediateSize: 2048,
  layers: 31,
  headSize: 192,
};

const SPEAKERS = 8;
const STACKED = 8;
const MEL_BANDS = 128;
const TOWER = "model.audio_tower.";

interface RandomTensor {
  name: string;
  /** Outermost first. */
  shape: number[];
  mean?: number;
  deviation: number;
}

/** Writes `config.json` and `model.safetensors` into `folder`; the same options give the same bytes. */
export function writeRandomNemotron(folder: string, shape: NemotronShape, seed = 1): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.json"), JSON.stringify(configOf(shape)));
  const all = tensors(shape);
  let end = 0;
  const header: Record<string, object> = {};
  for (const { name, shape } of all) {
    const begin = end;
    end += 4 * shape.reduce((product, size) => product * size, 1);
    header[name] = { dtype: "F32", shape, data_offsets: [begin, end] };
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const file = openSync(join(folder, "model.safetensors"), "w");
  try {
    writeSync(file, Buffer.concat([length, text]));
    for (const { name, shape, mean = 0, deviation } of all) {
      const count = shape.reduce((product, size) => product * size, 1);
      const options = { mean, deviation, stored: "f32", halves: false, seed: `${seed} ${name}` } as const;
      for (const bytes of randomValues(count, options)) writeSync(file, bytes);
    }
  } finally {
    closeSync(file);
  }
}

function configOf({ hiddenSize, intermediateSize, layers, headSize }: NemotronShape) {
  return {
    model_type: "nemotron3_diarization",
    audio_config: {
      hidden_size: hiddenSize,
      intermediate_size: intermediateSize,
      num_attention_heads: hiddenSize / 64,
      num_hidden_layers: layers,
      num_mel_bins: MEL_BANDS,
      subsampling_factor: STACKED,
      rope_parameters: { rope_theta: 10_000, rope_type: "default" },
    },
    head_config: { hidden_size: headSize, num_speakers: SPEAKERS, subsampling_factor: STACKED },
  };
}

/** Matrices keep the variance of what they multiply; what adds to the residual stream is scaled down with depth. */
function tensors({ hiddenSize, intermediateSize, layers, headSize }: NemotronShape): RandomTensor[] {
  const all: RandomTensor[] = [];
  const matrix = (name: string, outputs: number, inputs: number, scale = 1) =>
    all.push({ name: `${name}.weight`, shape: [outputs, inputs], deviation: scale / Math.sqrt(inputs) });
  const bias = (name: string, length: number) =>
    all.push({ name: `${name}.bias`, shape: [length], deviation: 0.02 });
  const norm = (name: string) => {
    all.push({ name: `${name}.weight`, shape: [hiddenSize], mean: 1, deviation: 0.05 });
    bias(name, hiddenSize);
  };
  const residual = 1 / Math.sqrt(2 * layers);
  matrix(`${TOWER}embedder.projection`, hiddenSize, STACKED * MEL_BANDS, 0.1);
  norm(`${TOWER}input_layer_norm`);
  for (let i = 0; i < layers; i++) {
    const layer = `${TOWER}layers.${i}`;
    norm(`${layer}.layer_norm1`);
    for (const part of ["q_proj", "k_proj", "v_proj"])
      matrix(`${layer}.self_attn.${part}`, hiddenSize, hiddenSize);
    matrix(`${layer}.self_attn.o_proj`, hiddenSize, hiddenSize, residual);
    bias(`${layer}.self_attn.o_proj`, hiddenSize);
    norm(`${layer}.layer_norm2`);
    matrix(`${layer}.mlp.fc1`, intermediateSize, hiddenSize);
    bias(`${layer}.mlp.fc1`, intermediateSize);
    matrix(`${layer}.mlp.fc2`, hiddenSize, intermediateSize, residual);
    bias(`${layer}.mlp.fc2`, hiddenSize);
  }
  norm(`${TOWER}layer_norm`);
  matrix("model.proj", headSize, hiddenSize);
  bias("model.proj", headSize);
  const upsampler = "model.upsampler.conv";
  all.push({
    name: `${upsampler}.weight`,
    shape: [STACKED * headSize, headSize, 3],
    deviation: 1 / Math.sqrt(3 * headSize),
  });
  bias(upsampler, STACKED * headSize);
  matrix("classifier.dense", headSize, headSize);
  bias("classifier.dense", headSize);
  matrix("classifier.out_proj", SPEAKERS, headSize);
  bias("classifier.out_proj", SPEAKERS);
  all.push({ name: "silence_embeds", shape: [hiddenSize], deviation: 0.1 });
  return all;
}
