import { basename, join } from "node:path";
import { invalidArgument } from "../../../errors.js";
import { Inventory } from "../checkpoint/inventory.js";
import { readValues, type StoredTensor } from "../checkpoint/tensor.js";
import type { Conversion, ConversionRequest } from "../conversion.js";
import type { GgufMetadata } from "../files/gguf.js";
import type { PlannedTensor } from "../files/tensor-copy.js";
import { ENCODINGS } from "../numbers/encoding.js";
import { sincFilters } from "./sinc-filters.js";
import { openPipeline, type PipelinePart, type PipelineParts } from "./sources.js";
import { writeModel } from "./write-model.js";

/** Full precision: the networks are small, and clusters of embeddings that were rounded to 16 bits come apart. */
const TYPE = "f32";
const SEGMENTATION_LAYERS = 4;
const GE2E_LAYERS = 3;
const STAGES = [3, 4, 6, 3];

/**
 * The parts of a diarization pipeline – pyannote's segmentation-3.0, a speaker encoder (WeSpeaker's ResNet34 or GE2E) and
 * for ResNet34 a PLDA – as one GGUF file.
 * @throws TranscriptionError INVALID_ARGUMENT, MODEL_NOT_FOUND, MODEL_INVALID, CANCELLED
 */
export async function convertSpeakers(
  folder: string,
  { name = basename(folder), ...request }: ConversionRequest,
): Promise<Conversion> {
  // "f16" is what is asked for where nothing is.
  if (request.type !== TYPE && request.type !== "f16") {
    throw invalidArgument("type", `"${TYPE}" for a diarization pipeline`, request.type);
  }
  const parts = await openPipeline(folder);
  try {
    const { tensors, metadata } = await plan(parts);
    const path = join(request.folder, `${name}-${TYPE}.gguf`);
    const bytes = await writeModel(path, { ...metadata, "general.name": { string: name } }, tensors, request);
    return { kind: "diarization", type: TYPE, files: [{ role: "model", path, bytes }] };
  } finally {
    await parts.close();
  }
}

async function plan({ segmentation, embedding, plda }: PipelineParts) {
  const tensors: PlannedTensor[] = [];
  await planSegmentation(segmentation, tensors);
  const isResNet = embedding.tensors.has("resnet.conv1.weight");
  const facts = isResNet ? planResNet(embedding, tensors) : planGe2e(embedding, tensors);
  // The PLDA was trained on embeddings of ResNet34.
  const withPlda = plda !== undefined && isResNet;
  if (withPlda) planPlda(plda, facts.size, tensors);
  const metadata: GgufMetadata = {
    "general.architecture": { string: "speaker-diarization" },
    "diarization.pipeline": { string: "community" },
    "diarization.embedding": { string: isResNet ? "wespeaker-resnet34" : "ge2e" },
    "diarization.embedding_length": { uint32: facts.size },
    "diarization.plda": { bool: withPlda },
    ...(facts.width !== undefined && { "diarization.resnet_width": { uint32: facts.width } }),
  };
  return { tensors, metadata };
}

/** Takes tensors of a part and puts them into the file behind a prefix. */
function taker(part: PipelinePart, prefix: string, planned: PlannedTensor[]) {
  const inventory = new Inventory(part);
  const add = (name: string, shape: readonly number[], tensor: StoredTensor) =>
    planned.push({
      name: `${prefix}.${name}`,
      dimensions: [...shape].reverse(),
      encoding: ENCODINGS.f32,
      source: { tensor },
    });
  const take = (name: string, ...shape: number[]) => add(name, shape, inventory.take(name, shape));
  const linear = (name: string, outputs: number, inputs: number) => {
    take(`${name}.weight`, outputs, inputs);
    take(`${name}.bias`, outputs);
  };
  const lstm = (suffix: string, inputs: number, width: number) => {
    take(`lstm.weight_ih${suffix}`, 4 * width, inputs);
    take(`lstm.weight_hh${suffix}`, 4 * width, width);
    take(`lstm.bias_ih${suffix}`, 4 * width);
    take(`lstm.bias_hh${suffix}`, 4 * width);
  };
  return { inventory, take, linear, lstm };
}

async function planSegmentation(part: PipelinePart, planned: PlannedTensor[]): Promise<void> {
  const { inventory, take, linear, lstm } = taker(part, "seg", planned);
  const pair = (name: string, size: number) => {
    take(`${name}.weight`, size);
    take(`${name}.bias`, size);
  };
  pair("sincnet.wav_norm1d", 1);
  if (inventory.has("sincnet.conv1d.0.filters")) {
    take("sincnet.conv1d.0.filters", 80, 1, 251);
    // What the filters were fitted with.
    inventory.takeOptional("sincnet.conv1d.0.band_low_hz");
    inventory.takeOptional("sincnet.conv1d.0.band_high_hz");
  } else {
    const low = await floats(inventory.take("sincnet.conv1d.0.filterbank.low_hz_", [40, 1]));
    const band = await floats(inventory.take("sincnet.conv1d.0.filterbank.band_hz_", [40, 1]));
    for (const buffer of ["window_", "n_"]) inventory.takeOptional(`sincnet.conv1d.0.filterbank.${buffer}`);
    planned.push({
      name: "seg.sincnet.conv1d.0.filters",
      dimensions: [251, 1, 80],
      encoding: ENCODINGS.f32,
      source: { values: sincFilters(low, band) },
    });
  }
  for (const [i, inputs] of [80, 60].entries()) {
    take(`sincnet.conv1d.${i + 1}.weight`, 60, inputs, 5);
    take(`sincnet.conv1d.${i + 1}.bias`, 60);
  }
  for (const [i, size] of [80, 60, 60].entries()) pair(`sincnet.norm1d.${i}`, size);
  for (let layer = 0; layer < SEGMENTATION_LAYERS; layer++) {
    for (const direction of ["", "_reverse"]) lstm(`_l${layer}${direction}`, layer === 0 ? 60 : 256, 128);
  }
  linear("linear.0", 128, 256);
  linear("linear.1", 128, 128);
  linear("classifier", 7, 128);
  inventory.finish();
}

interface EmbeddingFacts {
  size: number;
  width?: number;
}

function planGe2e(part: PipelinePart, planned: PlannedTensor[]): EmbeddingFacts {
  const { inventory, linear, lstm } = taker(part, "emb", planned);
  for (let layer = 0; layer < GE2E_LAYERS; layer++) lstm(`_l${layer}`, layer === 0 ? 40 : 256, 256);
  linear("linear", 256, 256);
  inventory.finish();
  return { size: 256 };
}

function planResNet(part: PipelinePart, planned: PlannedTensor[]): EmbeddingFacts {
  const { inventory, take, linear } = taker(part, "emb", planned);
  const [width = 0] = inventory.shapeOf("resnet.conv1.weight", 4);
  const [size = 0] = inventory.shapeOf("resnet.seg_1.weight", 2);
  const norm = (name: string, channels: number) => {
    for (const value of ["weight", "bias", "running_mean", "running_var"]) take(`${name}.${value}`, channels);
    inventory.takeOptional(`${name}.num_batches_tracked`);
  };
  take("resnet.conv1.weight", width, 1, 3, 3);
  norm("resnet.bn1", width);
  let inputs = width;
  for (const [stage, blocks] of STAGES.entries()) {
    const outputs = width << stage;
    for (let i = 0; i < blocks; i++) {
      const name = `resnet.layer${stage + 1}.${i}`;
      take(`${name}.conv1.weight`, outputs, inputs, 3, 3);
      norm(`${name}.bn1`, outputs);
      take(`${name}.conv2.weight`, outputs, outputs, 3, 3);
      norm(`${name}.bn2`, outputs);
      if (inputs !== outputs) {
        take(`${name}.shortcut.0.weight`, outputs, inputs, 1, 1);
        norm(`${name}.shortcut.1`, outputs);
      }
      inputs = outputs;
    }
  }
  linear("resnet.seg_1", size, 2 * width * 8 * 10);
  inventory.finish();
  return { size, width };
}

function planPlda(part: PipelinePart, size: number, planned: PlannedTensor[]): void {
  const { inventory, take } = taker(part, "plda", planned);
  take("mean1", size);
  take("mean2", 128);
  take("lda", size, 128);
  take("mu", 128);
  take("tr", 128, 128);
  take("psi", 128);
  // What follows from the others.
  inventory.takeOptional("diag_tr");
  inventory.takeOptional("diag_psi");
  inventory.finish();
}

async function floats(tensor: StoredTensor): Promise<Float32Array> {
  const values: number[] = [];
  for await (const piece of readValues(tensor)) values.push(...piece);
  return Float32Array.from(values);
}
