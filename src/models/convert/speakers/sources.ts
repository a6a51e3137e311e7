import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { TranscriptionError } from "../../../errors.js";
import { readNpz } from "../checkpoint/npz.js";
import { readSafetensors } from "../checkpoint/safetensors.js";
import { SourceFile } from "../checkpoint/source-file.js";
import type { StoredTensor } from "../checkpoint/tensor.js";
import { readTorchFile } from "../checkpoint/torch-file.js";
import { invalidModel } from "../errors.js";

/** The parts of a diarization pipeline, each in a folder of its own, as pyannote publishes community-1. */
const SEGMENTATION_FOLDER = "segmentation";
const EMBEDDING_FOLDERS = ["embedding", "ge2e"];
const PLDA_FOLDER = "plda";

/** Tensors of one part. */
export class PipelinePart {
  constructor(
    readonly folder: string,
    readonly tensors: ReadonlyMap<string, StoredTensor>,
  ) {}

  invalid(problem: string): TranscriptionError {
    return invalidModel(this.folder, problem);
  }
}

export interface PipelineParts {
  segmentation: PipelinePart;
  embedding: PipelinePart;
  plda: PipelinePart | undefined;
  close(): Promise<void>;
}

/** Whether `folder` holds the parts of a diarization pipeline. */
export async function isPipelineFolder(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch((): string[] => []);
  return names.includes(SEGMENTATION_FOLDER) && EMBEDDING_FOLDERS.some((name) => names.includes(name));
}

/**
 * Finds the parts' tensors; their data is read later. To be closed.
 * @throws TranscriptionError MODEL_NOT_FOUND, MODEL_INVALID
 */
export async function openPipeline(folder: string): Promise<PipelineParts> {
  const files: SourceFile[] = [];
  const close = async () => {
    await Promise.all(files.map((file) => file.close()));
  };
  try {
    const names = await readdir(folder);
    const embedding = EMBEDDING_FOLDERS.find((name) => names.includes(name)) ?? "embedding";
    return {
      segmentation: await readPart(join(folder, SEGMENTATION_FOLDER), files, "sincnet.wav_norm1d.weight"),
      embedding: await readPart(join(folder, embedding), files, "resnet.conv1.weight", "lstm.weight_ih_l0"),
      plda: names.includes(PLDA_FOLDER)
        ? await readPart(join(folder, PLDA_FOLDER), files, "mean1")
        : undefined,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The tensors of the folder's files, those without any of `wanted` left out unless they are of the same part. */
async function readPart(folder: string, files: SourceFile[], ...wanted: string[]): Promise<PipelinePart> {
  const names = (await readdir(folder)).sort();
  const tensors = new Map<string, StoredTensor>();
  for (const name of names) {
    const read = readerOf(name);
    if (!read) continue;
    const file = await SourceFile.open(join(folder, name));
    files.push(file);
    const found = await read(file);
    const isPair = name.endsWith(".npz");
    if (!isPair && !found.some((tensor) => wanted.includes(tensor.name))) continue;
    // One file tells all, but numpy's come as a pair.
    for (const tensor of found) if (!tensors.has(tensor.name)) tensors.set(tensor.name, tensor);
    if (!isPair) break;
  }
  if (tensors.size > 0) return new PipelinePart(folder, tensors);
  throw new TranscriptionError(
    "MODEL_NOT_FOUND",
    `No file in ${folder} has the tensor ${wanted.join(" or ")}`,
  );
}

function readerOf(name: string): ((file: SourceFile) => Promise<StoredTensor[]>) | undefined {
  if (name.endsWith(".safetensors")) return readSafetensors;
  if (name.endsWith(".npz")) return readNpz;
  return /\.(bin|pt|ckpt)$/.test(name) ? readTorchFile : undefined;
}
