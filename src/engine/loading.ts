import { stat } from "node:fs/promises";
import { computeTypeOf } from "../config/compute-type.js";
import { TranscriptionError } from "../errors.js";
import { isBorealisModel } from "../models/borealis-files.js";
import { environmentWith, type ModelEnvironment } from "../models/environment.js";
import { type ResolvedModel, resolveModel } from "../models/resolve.js";
import type { Engine, VadModel } from "../types/engine.js";
import type { TranscriberOptions } from "../types/options.js";
import type { Diarizer } from "../types/speakers.js";
import { computeThreads } from "./cores.js";
import { loadDiarizer } from "./diarizer.js";
import { DEFAULT_IMPLEMENTATION, findImplementation } from "./implementations.js";
import { type Lease, SharedPool } from "./shared.js";
import { loadVadModel } from "./vad.js";

const DEFAULT_BATCH_SIZE = 16;
const DEFAULT_MAX_QUEUE = 1024;

const engines = new SharedPool<Engine>();
const vadModels = new SharedPool<VadModel>();
const diarizers = new SharedPool<Diarizer>();

/**
 * An engine for `options`, shared with everyone who uses the same model in the same way.
 * @throws TranscriptionError INVALID_ARGUMENT, MODEL_NOT_FOUND, MODEL_INVALID, DEVICE_UNAVAILABLE, OUT_OF_MEMORY,
 *   CANCELLED
 */
export async function acquireEngine(
  options: TranscriberOptions,
  signal?: AbortSignal,
): Promise<Lease<Engine>> {
  const { download, onDownload } = options;
  const resolving = { kind: "whisper", download, onDownload, signal } as const;
  const environment = environmentFor(options.implementation, options.cacheDir);
  const model = await resolveModel(options.model, resolving, environment);
  const draft =
    options.draftModel === undefined
      ? undefined
      : await resolveModel(options.draftModel, resolving, environment);
  const implementation =
    options.implementation ?? ((await isBorealisModel(model.path)) ? "borealis" : DEFAULT_IMPLEMENTATION);
  const load = findImplementation(implementation);
  const engineOptions = {
    modelPath: model.path,
    modelName: model.name,
    maxWindow: model.maxWindow,
    device: options.device ?? "auto",
    threads: computeThreads(options.threads).threads,
    computeType: computeTypeOf(options.computeType ?? "auto") ?? "auto",
    draftModelPath: draft?.path,
    cpuVariant: options.cpuVariant,
    batchSize: options.batchSize ?? load.batchSize ?? DEFAULT_BATCH_SIZE,
    maxQueue: options.maxQueue ?? DEFAULT_MAX_QUEUE,
  };
  const files = [await identity(model), draft && (await identity(draft))];
  const key = JSON.stringify([implementation, files, engineOptions]);
  return engines.acquire(key, () => load(engineOptions));
}

/**
 * The VAD model for a request, or undefined where there is none to be used: `vadModel`, else the one that comes with the
 * package, so that `"auto"` is the same on every machine.
 *
 * @throws TranscriptionError INVALID_ARGUMENT where one is required and `vadModel` is null; MODEL_NOT_FOUND,
 *   MODEL_INVALID, CANCELLED
 */
export async function acquireVad(
  filter: true | "auto",
  options: TranscriberOptions,
  signal?: AbortSignal,
): Promise<Lease<VadModel> | undefined> {
  const { vadModel, download, onDownload, cacheDir } = options;
  if (vadModel === null) {
    if (filter === "auto") return undefined;
    throw new TranscriptionError(
      "INVALID_ARGUMENT",
      "vadFilter: true needs a VAD model, but vadModel is null",
      { option: "vadFilter" },
    );
  }
  const resolving = { kind: "vad", download, onDownload, signal } as const;
  const model = await resolveModel(vadModel, resolving, environmentFor(undefined, cacheDir));
  return vadModels.acquire(await identity(model), () => loadVadModel(model.path));
}

/**
 * The diarization model of a request.
 * @throws TranscriptionError INVALID_ARGUMENT where none is named; MODEL_NOT_FOUND, MODEL_INVALID, OUT_OF_MEMORY,
 *   DEVICE_UNAVAILABLE, CANCELLED
 */
export async function acquireDiarizer(
  model: string | undefined,
  options: TranscriberOptions,
  signal?: AbortSignal,
): Promise<Lease<Diarizer>> {
  if (model === undefined) {
    throw new TranscriptionError(
      "INVALID_ARGUMENT",
      "To tell speakers of one channel apart a diarization model is needed, but none is named: give diarize.model " +
        "or set AGORA_DIARIZATION_MODEL. `agora-transcribe models convert` makes one",
      { option: "diarize.model" },
    );
  }
  if ((await stat(model).catch(() => undefined))?.isDirectory()) {
    throw new TranscriptionError(
      "MODEL_INVALID",
      `Expected a diarization model but ${JSON.stringify(model)} is a folder: \`agora-transcribe models convert\` ` +
        "makes one file of a model's parts",
      { option: "diarize.model" },
    );
  }
  const { download, onDownload, cacheDir, threads } = options;
  const resolving = { download, onDownload, signal };
  const file = await resolveModel(model, resolving, environmentFor(undefined, cacheDir));
  const count = computeThreads(threads).threads;
  return diarizers.acquire(`${await identity(file)},${count}`, () => loadDiarizer(file.path, count));
}

/** With the default model of an implementation that has one of its own, unless `AGORA_MODEL` names another. */
function environmentFor(implementation: string | undefined, cacheDir: string | undefined): ModelEnvironment {
  const environment = environmentWith(cacheDir === undefined ? {} : { cacheDir });
  const own = implementation === undefined ? undefined : findImplementation(implementation).defaultModel;
  return own === undefined || process.env.AGORA_MODEL ? environment : { ...environment, defaultModel: own };
}

/** Tells files apart, and versions of a file, whatever path leads to them. */
async function identity({ path }: ResolvedModel): Promise<string> {
  try {
    const { dev, ino, size, mtimeMs } = await stat(path);
    return [dev, ino, size, mtimeMs].join();
  } catch (cause) {
    throw new TranscriptionError("MODEL_NOT_FOUND", `Cannot read model file ${path}`, { cause });
  }
}
