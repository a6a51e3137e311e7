import { basename, join } from "node:path";
import { TranscriptionError } from "../../../errors.js";
import { fileSize } from "../../cache.js";
import { invalidModel, quoted } from "../errors.js";
import { type Ctranslate2Whisper, readCtranslate2Whisper } from "./ctranslate2-whisper.js";
import { type JsonObject, readJson, readJsonList, readText } from "./json.js";
import { readSafetensors } from "./safetensors.js";
import { SourceFile } from "./source-file.js";
import type { StoredTensor } from "./tensor.js";
import { readTorchFile } from "./torch-file.js";

/** CTranslate2's, which faster-whisper uses. */
export const CTRANSLATE2_FILE = "model.bin";
/** In order of preference; with `.index.json` after the name where the tensors are spread over several files. */
const WEIGHT_FILES = ["model.safetensors", "pytorch_model.bin"];
const MAX_SHARDS = 1000;

interface CheckpointTensors {
  tensors: ReadonlyMap<string, StoredTensor>;
  /** Of a Whisper model in CTranslate2's layout: the attention heads that its weights tell. */
  ctranslate2?: Ctranslate2Whisper["heads"];
}

/**
 * A checkpoint in Hugging Face's layout: `config.json`, tokenizer files, and the tensors of one or more files; or in
 * CTranslate2's, whose tensors then have Hugging Face's names too.
 */
export class Checkpoint {
  private constructor(
    readonly folder: string,
    readonly name: string,
    readonly config: JsonObject,
    private readonly content: CheckpointTensors,
    private readonly files: readonly SourceFile[],
  ) {}

  get tensors(): ReadonlyMap<string, StoredTensor> {
    return this.content.tensors;
  }

  get ctranslate2(): CheckpointTensors["ctranslate2"] {
    return this.content.ctranslate2;
  }

  /**
   * Finds all tensors; their data is read later, piece by piece. To be closed.
   * @param folder absolute path of an existing folder
   * @param name its name; default that of the folder
   * @throws TranscriptionError MODEL_NOT_FOUND, MODEL_INVALID
   */
  static async open(folder: string, name = basename(folder)): Promise<Checkpoint> {
    const config = await readJson(folder, "config.json");
    if (!config) throw notFound(folder, "config.json");
    const files: SourceFile[] = [];
    try {
      return new Checkpoint(folder, name, config, await readTensors(folder, files), files);
    } catch (error) {
      await closeAll(files);
      throw error;
    }
  }

  /** A JSON file of the folder, or undefined. */
  readJson(name: string): Promise<JsonObject | undefined> {
    return readJson(this.folder, name);
  }

  /** The same of a file that holds a list. */
  readList(name: string): ReturnType<typeof readJsonList> {
    return readJsonList(this.folder, name);
  }

  /** A text file of the folder, or undefined. */
  readText(name: string): ReturnType<typeof readText> {
    return readText(this.folder, name);
  }

  /** An error of the checkpoint as a whole. */
  invalid(problem: string): TranscriptionError {
    return invalidModel(this.files.length === 1 ? this.files[0]!.path : this.folder, problem);
  }

  close(): Promise<void> {
    return closeAll(this.files);
  }
}

async function readTensors(folder: string, files: SourceFile[]): Promise<CheckpointTensors> {
  for (const name of WEIGHT_FILES) {
    if ((await fileSize(join(folder, name))) !== undefined)
      return { tensors: await readFile(folder, name, files) };
    const index = await readJson(folder, `${name}.index.json`);
    if (index) return { tensors: await readShards(folder, index, files) };
  }
  if ((await fileSize(join(folder, CTRANSLATE2_FILE))) !== undefined) {
    const file = await SourceFile.open(join(folder, CTRANSLATE2_FILE));
    files.push(file);
    const { tensors, heads } = await readCtranslate2Whisper(file);
    return { tensors, ctranslate2: heads };
  }
  const names = [...WEIGHT_FILES, CTRANSLATE2_FILE].join(", ");
  throw notFound(folder, `weights (${names}), nor an index of several such files`);
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
