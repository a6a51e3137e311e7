/**
 * Models in whisper.cpp's format with random weights: the size and the work of a real one, and nothing learnt.
 * Filters are computed, the vocabulary is the demo model's (which is Whisper's), weights follow from a seed.
 */
import { closeSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { loadAddon } from "../../src/addon/addon.js";
import { FREQUENCY_BINS, melFilters } from "../../src/models/convert/whisper/mel-filters.js";
import { randomValues } from "./random-values.js";

/** Sizes of a Whisper model, as its hyper-parameters name them. */
export interface RandomModelShape {
  melBands: 80 | 128;
  /** 51864: English only; 51865: multilingual; 51866: large-v3's. */
  vocabulary: 51_864 | 51_865 | 51_866;
  /** Width of the encoder, a multiple of 64; heads are 64 wide. */
  audioState: number;
  audioHead: number;
  audioLayer: number;
  textState: number;
  textHead: number;
  textLayer: number;
}

export interface RandomModelOptions extends RandomModelShape {
  /** f32, f16, or a type of the addon's `quantizeTypes`: then the addon is needed. */
  type: string;
  seed: number;
}

/** Every Whisper model splits its width into attention heads of this size. */
const HEAD_WIDTH = 64;
const MULTILINGUAL = { melBands: 80, vocabulary: 51_865 } as const;
const LARGE_V3 = { melBands: 128, vocabulary: 51_866 } as const;

/** Shapes of published models (openai/whisper, model.py; huggingface.co/distil-whisper). */
export const SHAPES = {
  tiny: { ...MULTILINGUAL, ...sizes(384, 4, 4) },
  "tiny.en": { melBands: 80, vocabulary: 51_864, ...sizes(384, 4, 4) },
  base: { ...MULTILINGUAL, ...sizes(512, 6, 6) },
  small: { ...MULTILINGUAL, ...sizes(768, 12, 12) },
  medium: { ...MULTILINGUAL, ...sizes(1024, 24, 24) },
  "large-v2": { ...MULTILINGUAL, ...sizes(1280, 32, 32) },
  "large-v3": { ...LARGE_V3, ...sizes(1280, 32, 32) },
  "large-v3-turbo": { ...LARGE_V3, ...sizes(1280, 32, 4) },
  "distil-large-v2": { ...MULTILINGUAL, ...sizes(1280, 32, 2) },
  "distil-large-v3": { ...LARGE_V3, ...sizes(1280, 32, 2) },
} as const satisfies Record<string, RandomModelShape>;

export type ShapeName = keyof typeof SHAPES;

const MAGIC = 0x67676d6c;
const AUDIO_CONTEXT = 1500;
const TEXT_CONTEXT = 448;
/** ggml's numbers, the same for types of files and of tensors. */
const TYPES = { f32: 0, f16: 1 } as const;
const DEMO_MODEL = fileURLToPath(new URL("../../models/agora-demo-q8_0.bin", import.meta.url));
/** Text tokens of English-only models; the others have one more. */
const ENGLISH_TEXT_TOKENS = 50_256;

/**
 * Writes a model; it appears under its name when it is complete. The same options give the same bytes.
 * @throws RangeError for sizes that no Whisper model can have
 */
export async function writeRandomModel(path: string, options: RandomModelOptions): Promise<void> {
  for (const side of ["audio", "text"] as const) {
    const [state, heads] = [options[`${side}State`], options[`${side}Head`]];
    if (state !== heads * HEAD_WIDTH || state !== options.audioState) {
      throw new RangeError(
        `${side}State is ${state} with ${heads} heads, expected ${HEAD_WIDTH} per head and as wide as the encoder`,
      );
    }
  }
  const plain = options.type === "f32" || options.type === "f16" ? options.type : "f16";
  const partial = `${path}.${process.pid}.partial`;
  try {
    const file = openSync(partial, "w");
    try {
      writeModel(file, options, plain);
    } finally {
      closeSync(file);
    }
    if (plain === options.type) {
      renameSync(partial, path);
    } else {
      const addon = loadAddon();
      await addon.quantizeModel(partial, path, options.type, new addon.CancelFlag(), () => {});
    }
  } finally {
    rmSync(partial, { force: true });
  }
}

function sizes(width: number, audioLayer: number, textLayer: number) {
  const heads = width / HEAD_WIDTH;
  return { audioState: width, audioHead: heads, audioLayer, textState: width, textHead: heads, textLayer };
}

function writeModel(file: number, options: RandomModelOptions, type: keyof typeof TYPES): void {
  const { melBands, vocabulary, audioState, audioHead, audioLayer, textState, textHead, textLayer } = options;
  const audio = [AUDIO_CONTEXT, audioState, audioHead, audioLayer];
  const text = [TEXT_CONTEXT, textState, textHead, textLayer];
  writeSync(file, int32s(MAGIC, vocabulary, ...audio, ...text, melBands, TYPES[type]));
  writeSync(file, int32s(melBands, FREQUENCY_BINS));
  writeSync(file, new Uint8Array(melFilters(melBands).buffer));
  writeSync(file, demoVocabulary(ENGLISH_TEXT_TOKENS + (vocabulary >= 51_865 ? 1 : 0)));
  for (const tensor of tensors(options)) writeTensor(file, tensor, type, options.seed);
}

/** The first tokens of the demo model, as they stand in its file. */
function demoVocabulary(count: number): Buffer {
  const file = readFileSync(DEMO_MODEL);
  const filters = 4 * 12;
  const start = filters + 8 + 4 * file.readInt32LE(filters) * file.readInt32LE(filters + 4) + 4;
  let end = start;
  for (let i = 0; i < count; i++) end += 4 + file.readInt32LE(end);
  return Buffer.concat([int32s(count), file.subarray(start, end)]);
}

/** A tensor to be filled: with normally distributed numbers, or given ones. */
interface RandomTensor {
  name: string;
  /** Innermost first. */
  dimensions: number[];
  /** Stored in the file's type; all else is f32. */
  matrix?: boolean;
  mean?: number;
  deviation?: number;
  values?: () => Float32Array;
}

/**
 * All tensors. Matrices keep the variance of what they multiply; those that add to the residual stream are scaled
 * down with depth, as GPT-2's are, so that activations stay in the range of a trained model's.
 */
function* tensors({ melBands, vocabulary, ...sizes }: RandomModelShape): Generator<RandomTensor> {
  const width = sizes.audioState;
  const matrix = (name: string, inputs: number, outputs: number, scale = 1): RandomTensor => ({
    name: `${name}.weight`,
    dimensions: [inputs, outputs],
    matrix: true,
    deviation: scale / Math.sqrt(inputs),
  });
  const bias = (name: string, length: number): RandomTensor => ({
    name: `${name}.bias`,
    dimensions: [length],
    deviation: 0.02,
  });
  const norm = (name: string): RandomTensor[] => [
    { name: `${name}.weight`, dimensions: [width], mean: 1, deviation: 0.05 },
    bias(name, width),
  ];
  const convolution = (name: string, inputs: number): RandomTensor[] => [
    {
      name: `${name}.weight`,
      dimensions: [3, inputs, width],
      matrix: true,
      deviation: 1 / Math.sqrt(3 * inputs),
    },
    { ...bias(name, width), dimensions: [1, width] },
  ];
  const attention = (name: string, residual: number): RandomTensor[] => [
    matrix(`${name}.query`, width, width),
    bias(`${name}.query`, width),
    matrix(`${name}.key`, width, width),
    matrix(`${name}.value`, width, width),
    bias(`${name}.value`, width),
    matrix(`${name}.out`, width, width, residual),
    bias(`${name}.out`, width),
    ...norm(`${name}_ln`),
  ];
  const block = (name: string, layers: number, cross: boolean): RandomTensor[] => {
    const residual = 1 / Math.sqrt((cross ? 3 : 2) * layers);
    return [
      ...attention(`${name}.attn`, residual),
      ...(cross ? attention(`${name}.cross_attn`, residual) : []),
      ...norm(`${name}.mlp_ln`),
      matrix(`${name}.mlp.0`, width, 4 * width),
      bias(`${name}.mlp.0`, 4 * width),
      matrix(`${name}.mlp.2`, 4 * width, width, residual),
      bias(`${name}.mlp.2`, width),
    ];
  };
  yield {
    name: "encoder.positional_embedding",
    dimensions: [width, AUDIO_CONTEXT],
    values: () => sinusoids(AUDIO_CONTEXT, width),
  };
  yield* convolution("encoder.conv1", melBands);
  yield* convolution("encoder.conv2", width);
  for (let i = 0; i < sizes.audioLayer; i++) yield* block(`encoder.blocks.${i}`, sizes.audioLayer, false);
  yield* norm("encoder.ln_post");
  yield matrix("decoder.token_embedding", width, vocabulary);
  yield {
    name: "decoder.positional_embedding",
    dimensions: [width, TEXT_CONTEXT],
    deviation: 1 / Math.sqrt(width),
  };
  for (let i = 0; i < sizes.textLayer; i++) yield* block(`decoder.blocks.${i}`, sizes.textLayer, true);
  yield* norm("decoder.ln");
}

/** Whisper's positions of audio, [length][width] (openai-whisper, model.py `sinusoids`). */
function sinusoids(length: number, width: number): Float32Array {
  const half = width / 2;
  const values = new Float32Array(length * width);
  for (let i = 0; i < half; i++) {
    const scale = Math.exp((-Math.log(10_000) / (half - 1)) * i);
    for (let position = 0; position < length; position++) {
      values[position * width + i] = Math.sin(position * scale);
      values[position * width + half + i] = Math.cos(position * scale);
    }
  }
  return values;
}

function writeTensor(file: number, tensor: RandomTensor, type: keyof typeof TYPES, seed: number): void {
  const { name, dimensions, matrix = false, mean = 0, deviation = 0, values } = tensor;
  const stored = matrix ? type : "f32";
  writeSync(file, int32s(dimensions.length, name.length, TYPES[stored], ...dimensions));
  writeSync(file, Buffer.from(name));
  if (values) {
    writeSync(file, new Uint8Array(values().buffer));
    return;
  }
  const count = dimensions.reduce((product, size) => product * size, 1);
  for (const bytes of randomValues(count, {
    mean,
    deviation,
    stored,
    halves: matrix,
    seed: `${seed} ${name}`,
  })) {
    writeSync(file, bytes);
  }
}

function int32s(...values: number[]): Buffer {
  return Buffer.from(Int32Array.from(values).buffer);
}
