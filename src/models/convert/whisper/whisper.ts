import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { loadAddon } from "../../../addon/addon.js";
import { cancellable } from "../../../addon/cancellation.js";
import { invalidArgument, TranscriptionError } from "../../../errors.js";
import { fileSize } from "../../cache.js";
import type { Checkpoint } from "../checkpoint/folder.js";
import { Inventory } from "../checkpoint/inventory.js";
import { haveEqualContents, invalidTensor } from "../checkpoint/tensor.js";
import type { Conversion, ConversionRequest } from "../conversion.js";
import { OutputFile, refuseExisting } from "../files/output-file.js";
import { type ConversionContext, valuesOf } from "../files/tensor-copy.js";
import { HEAD_WIDTH, type WhisperFileContent, writeWhisperFile } from "../files/whisper-file.js";
import { alignmentHeadsWord, readAlignmentHeads } from "./alignment-heads.js";
import { allWords, tokenLayout } from "./special-tokens.js";
import { planWhisperTensors, type WhisperShape } from "./tensors.js";
import { readTokens, textTokens } from "./vocabulary.js";

const AUDIO_CONTEXT = 1500;
const PLAIN_TYPES = ["f32", "f16"] as const;
/** Part of the work, by time, that writing the intermediate 16-bit file is when the result is quantised. */
const WRITING_SHARE = 0.7;

/** A Whisper checkpoint as one file in whisper.cpp's format. */
export async function convertWhisper(
  checkpoint: Checkpoint,
  request: ConversionRequest,
): Promise<Conversion> {
  const { type, folder, overwrite, signal, onProgress } = request;
  const matrices = PLAIN_TYPES.find((plain) => plain === type);
  if (!matrices) requireQuantizedType(type);
  const content = await planWhisper(checkpoint, matrices ?? "f16", signal);

  const path = join(folder, `ggml-${checkpoint.name}-${type}.bin`);
  await refuseExisting(path, overwrite);
  const share = matrices ? 1 : WRITING_SHARE;
  const total = content.tensors.reduce((sum, tensor) => sum + valuesOf(tensor), 0);
  let done = 0;
  const context: ConversionContext = {
    signal,
    onValues: (count) => {
      done += count;
      onProgress((share * done) / total);
    },
  };
  const output = await OutputFile.create(matrices ? path : `${path}.${randomUUID().slice(0, 8)}.f16`);
  try {
    await writeWhisperFile(output, content, context);
    await output.publish();
    if (!matrices) await quantize(output.path, path, request);
  } finally {
    await output.discard();
    if (!matrices) await rm(output.path, { force: true });
  }
  return { kind: "whisper", type, files: [{ role: "model", path, bytes: (await fileSize(path)) ?? 0 }] };
}

async function planWhisper(
  checkpoint: Checkpoint,
  matrices: "f32" | "f16",
  signal: AbortSignal | undefined,
): Promise<WhisperFileContent> {
  const inventory = new Inventory(checkpoint);
  const prefix = inventory.has("model.encoder.conv1.weight") ? "model." : "";
  const size = readShape(checkpoint, inventory, prefix);
  await checkSpectrogram(checkpoint, size);
  const tokens = await readTokens(checkpoint);
  const layout = tokenLayout(checkpoint, tokens, { rows: size.vocabulary, melBands: size.melBands });
  const shape = { ...size, vocabulary: layout.rows };
  const tensors = planWhisperTensors(inventory, prefix, { ...shape, tokenRows: size.vocabulary }, matrices);

  // whisper.cpp takes the embedding of the tokens for the last layer too.
  const head = inventory.takeOptional("proj_out.weight");
  const embedding = checkpoint.tensors.get(`${prefix}decoder.embed_tokens.weight`)!;
  if (head && !(await haveEqualContents(head, embedding, signal))) {
    throw invalidTensor(head, `differs from ${embedding.name}; Whisper models have one table for both`);
  }
  inventory.finish();

  const texts = textTokens(tokens, layout.textTokens);
  const heads = await readAlignmentHeads(checkpoint, shape);
  const vocabulary = heads ? allWords(texts, tokens, layout, alignmentHeadsWord(heads)) : texts;
  return { shape, matrices, tensors, vocabulary };
}

/** Sizes from the tensors themselves, within what whisper.cpp can run. */
function readShape(checkpoint: Checkpoint, inventory: Inventory, prefix: string): WhisperShape {
  const { config } = checkpoint;
  const fail = (name: string, size: number, what: string, expected: string) =>
    checkpoint.invalid(`tensor ${prefix}${name} has ${size} ${what}, expected ${expected}`);
  const [width = 0, melBands = 0] = inventory.shapeOf(`${prefix}encoder.conv1.weight`, 3);
  const [audioContext = 0] = inventory.shapeOf(`${prefix}encoder.embed_positions.weight`, 2);
  const [vocabulary = 0] = inventory.shapeOf(`${prefix}decoder.embed_tokens.weight`, 2);
  const [textContext = 0] = inventory.shapeOf(`${prefix}decoder.embed_positions.weight`, 2);
  if (width % HEAD_WIDTH !== 0) throw fail("encoder.conv1.weight", width, "channels", "a multiple of 64");
  for (const side of ["encoder", "decoder"] as const) {
    const heads = config.count(`${side}_attention_heads`) ?? checkpoint.ctranslate2?.[side];
    if (heads !== undefined && heads !== width / HEAD_WIDTH) {
      throw checkpoint.invalid(
        `its ${side} has ${heads} attention heads, expected ${width / HEAD_WIDTH} for a width of ${width}`,
      );
    }
  }
  if (melBands !== 80 && melBands !== 128)
    throw fail("encoder.conv1.weight", melBands, "mel bands", "80 or 128");
  if (audioContext !== AUDIO_CONTEXT) {
    throw fail("encoder.embed_positions.weight", audioContext, "positions", String(AUDIO_CONTEXT));
  }
  if (textContext < 64 || textContext > 1024) {
    throw fail("decoder.embed_positions.weight", textContext, "positions", "64 to 1024");
  }
  const layers = (part: "encoder" | "decoder") =>
    inventory.layerCount(`${prefix}${part}.layers.`, config.count(`${part}_layers`));
  return {
    vocabulary,
    audioContext,
    textContext,
    width,
    feedForward: 4 * width,
    audioLayers: layers("encoder"),
    textLayers: layers("decoder"),
    melBands,
  };
}

/** whisper.cpp computes one kind of spectrogram. */
async function checkSpectrogram(checkpoint: Checkpoint, { melBands }: WhisperShape): Promise<void> {
  const config = await checkpoint.readJson("preprocessor_config.json");
  const expected = { feature_size: melBands, n_fft: 400, hop_length: 160, sampling_rate: 16_000 };
  for (const [field, value] of Object.entries(expected)) {
    const found = config?.count(field);
    if (found !== undefined && found !== value) {
      throw checkpoint.invalid(`preprocessor_config.json's ${field} is ${found}, expected ${value}`);
    }
  }
}

function requireQuantizedType(type: string): void {
  const types = loadAddon().quantizeTypes;
  if (!types.includes(type))
    throw invalidArgument("type", `one of ${[...PLAIN_TYPES, ...types].join(", ")}`, type);
}

async function quantize(source: string, target: string, request: ConversionRequest): Promise<void> {
  const { type, signal, onProgress } = request;
  const onFraction = (fraction: number) => onProgress(WRITING_SHARE + (1 - WRITING_SHARE) * fraction);
  try {
    await cancellable(signal, (flag) => loadAddon().quantizeModel(source, target, type, flag, onFraction));
  } catch (error) {
    throw TranscriptionError.from(error);
  }
}
