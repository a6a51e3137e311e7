import { existsSync, mkdirSync, statSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { ComputeType, TranscriberOptions } from "../../src/index.js";
import { SHAPES, type ShapeName, writeRandomModel } from "../support/random-model.js";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..", "..");

/** Types of model files. */
export type FileType = "f32" | "f16" | "q8_0";

/** A way in which this package computes a model. */
export interface MeasuredType {
  /** As the option computeType has it. */
  name: ComputeType;
  /** The file that it is given. */
  file: FileType;
  /** Most that the encoder's output may differ from float32's, relative to its norm. */
  bound: number;
}

/** The reference first. */
export const COMPUTE_TYPES: readonly MeasuredType[] = [
  { name: "float32", file: "f32", bound: 0 },
  { name: "float16", file: "f16", bound: 1e-3 },
  { name: "bfloat16", file: "f16", bound: 1e-2 },
  { name: "int8", file: "q8_0", bound: 3e-2 },
];

/** Files that whisper.cpp is measured with. */
export const PEER_FILES = ["f16", "q8_0"] as const satisfies FileType[];

/** Options of a transcriber that computes so. */
export function transcriberOptions({ name }: MeasuredType): TranscriberOptions {
  return { computeType: name };
}

/** A model that is measured: its files by type. Not every model has every type. */
export interface MeasuredModel {
  name: string;
  files: Partial<Record<FileType, string>>;
}

/** The demo model, trained on windows of 20 s. */
export const DEMO_MODEL: MeasuredModel = {
  name: "demo",
  files: {
    f16: path.join(root, "test", "fixtures", "agora-demo-f16.bin"),
    q8_0: path.join(root, "models", "agora-demo-q8_0.bin"),
  },
};

/** A model of a published shape with random weights, written where it is not there yet. */
export async function randomModel(shape: ShapeName): Promise<MeasuredModel> {
  const folder = path.join(root, "build", "bench", "models");
  mkdirSync(folder, { recursive: true });
  const files: MeasuredModel["files"] = {};
  for (const type of ["f32", "f16", "q8_0"] as const) {
    const file = path.join(folder, `${shape}-${type}.bin`);
    if (!existsSync(file)) {
      console.error(`Writing ${path.relative(root, file)} …`);
      await writeRandomModel(file, { ...SHAPES[shape], type, seed: 1 });
    }
    files[type] = file;
  }
  return { name: shape, files };
}

export function fileBytes(model: MeasuredModel): Partial<Record<FileType, number>> {
  return Object.fromEntries(Object.entries(model.files).map(([type, file]) => [type, statSync(file).size]));
}
