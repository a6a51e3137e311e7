import { basename, join } from "node:path";
import { TranscriptionError } from "../../../errors.js";
import { fileSize } from "../../cache.js";
import { invalidModel, quoted } from "../errors.js";
import { type JsonObject, readJson } from "./json.js";
import { readSafetensors } from "./safetensors.js";
import { SourceFile } from "./source-file.js";
import type { StoredTensor } from "./tensor.js";
import { readTorchFile } from "./torch-file.js";

/** In order of preference; with `.index.json` after the name where the tensors are spread over several files. */
const WEIGHT_FILES = ["model.safetensors", "pytorch_model.bin"];
const MAX_SHARDS = 1000;

/** A checkpoint in Hugging Face's layout: `config.json`, tokenizer files, and the tensors of one or more files. */
export class Checkpoint {
  private constructor(
    readonly folder: string,
    readonly config: JsonObject,
    readonly tensors: ReadonlyMap<string, StoredTensor>,
    private readonly files: readonly SourceFile[],
  ) {}

  /**
   * Finds all tensors; their data is read later, piece by piece. To be closed.
   * @param folder absolute path of an existing folder
   * @throws TranscriptionError MODEL_NOT_FOUND, MODEL_INVALID
   */
  static async open(folder: string): Promise<Checkpoint> {
    const config = await readJson(folder, "config.json");
    if (!config) throw notFound(folder, "config.json");
    const files: SourceFile[] = [];
    try {
      return new Checkpoint(folder, config, await readTensors(folder, files), files);
    } catch (error) {
      await closeAll(files);
      throw error;
    }
  }

  /** The folder's own name. */
  get name(): string {
    return basename(this.folder);
  }

  /** A JSON file of the folder, or undefined. */
  readJson(name: string): Promise<JsonObject | undefined> {
    return readJson(this.folder, name);
  }

  /** An error of the checkpoint as a whole. */
  invalid(problem: string): TranscriptionError {
    return invalidModel(this.files.length === 1 ? this.files[0]!.path : this.folder, problem);
  }

  close(): Promise<void> {
    return closeAll(this.files);
  }
}

async function readTensors(folder: string, files: SourceFile[]): Promise<Map<string, StoredTensor>> {
  for (const name of WEIGHT_FILES) {
    if ((await fileSize(join(folder, name))) !== undefined) return readFile(folder, name, files);
    const index = await readJson(folder, `${name}.index.json`);
    if (index) return readShards(folder, index, files);
  }
  throw notFound(folder, `${WEIGHT_FILES.join(" or ")}, nor an index of several such files`);
}

async function readFile(
  folder: string,
  name: string,
  files: SourceFile[],
): Promise<Map<string, StoredTensor>> {
  const file = await SourceFile.open(join(folder, name));
  files.push(file);
  const tensors = name.endsWith(".safetensors") ? await readSafetensors(file) : await readTorchFile(file);
  return new Map(tensors.map((tensor) => [tensor.name, tensor]));
}

/** Tensors of several files; the index says in which file each of them is. */
async function readShards(
  folder: string,
  index: JsonObject,
  files: SourceFile[],
): Promise<Map<string, StoredTensor>> {
  const places = index.require("weight_map", index.object("weight_map"));
  const shards = new Map<string, Map<string, StoredTensor>>();
  const tensors = new Map<string, StoredTensor>();
  for (const [name, shardName] of places.entries()) {
    if (typeof shardName !== "string" || !/^[\w-][\w.-]*\.(safetensors|bin)$/.test(shardName)) {
      throw invalidModel(index.path, `tensor ${quoted(name)} lies in no file of the same folder`);
    }
    let shard = shards.get(shardName);
    if (!shard) {
      if (shards.size === MAX_SHARDS) throw invalidModel(index.path, `it has more than ${MAX_SHARDS} files`);
      shard = await readFile(folder, shardName, files);
      shards.set(shardName, shard);
    }
    const tensor = shard.get(name);
    if (!tensor) throw invalidModel(join(folder, shardName), `tensor ${quoted(name)} is missing`);
    tensors.set(name, tensor);
  }
  return tensors;
}

async function closeAll(files: readonly SourceFile[]): Promise<void> {
  await Promise.all(files.map((file) => file.close()));
}

function notFound(folder: string, what: string): TranscriptionError {
  return new TranscriptionError("MODEL_NOT_FOUND", `The checkpoint folder ${folder} has no ${what}`);
}
