import { stat } from "node:fs/promises";
import { computeTypeOf } from "../config/compute-type.js";
import type { ResolvedDiarization } from "../config/diarization.js";
import { TranscriptionError } from "../errors.js";
import { isBorealisModel } from "../models/borealis-files.js";
import { environmentWith, type ModelEnvironment } from "../models/environment.js";
import { DEFAULT_DIARIZATION_MODEL, type ResolvedModel, resolveModel } from "../models/resolve.js";
import type { Engine, VadModel } from "../types/engine.js";
import type { TranscriberOptions } from "../types/options.js";
import type { DiarizationEngine, Diarizer } from "../types/speakers.js";
import { computeThreads } from "./cores.js";
import { diarizationEngineOf, loadDiarizer } from "./diarizer.js";
import { DEFAULT_IMPLEMENTATION, findImplementation } from "./implementations.js";
import { type Lease, SharedPool } from "./shared.js";
import { loadVadModel } from "./vad.js";

const DEFAULT_BATCH_SIZE = 16;
const DEFAULT_MAX_QUEUE = 1024;
/** Of diarization, where neither engine nor model is named. */
const DEFAULT_ENGINE: DiarizationEngine = "nemotron";

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
 * The diarization model of a request: the one that it names, the environment's where that is of the engine asked for, or
 * that of the default engine, downloaded where it may be.
 * @throws TranscriptionError INVALID_ARGUMENT where the model is for another engine, or there is none for the engine;
 *   MODEL_NOT_FOUND, MODEL_INVALID, OUT_OF_MEMORY, DEVICE_UNAVAILABLE, CANCELLED
 */
export async function acquireDiarizer(
  request: Pick<ResolvedDiarization, "engine" | "model">,
  options: TranscriberOptions,
  signal?: AbortSignal,
): Promise<Lease<Diarizer>> {
  const file = await diarizationFile(request, options, signal);
  const count = computeThreads(options.threads).threads;
  return diarizers.acquire(`${await identity(file)},${count}`, () => loadDiarizer(file.path, count));
}

/** The diarization model that a request names, or the environment does; undefined: nobody names one. */
export function namedDiarizationModel({ model }: Pick<ResolvedDiarization, "model">): string | undefined {
  return model ?? (process.env.AGORA_DIARIZATION_MODEL || undefined);
}

/**
 * Engines that tell speakers of one channel apart here without a download: that of the environment's model, and the
 * default one where its model is cached.
 */
export async function diarizationEngines(
  options: Pick<TranscriberOptions, "cacheDir"> = {},
): Promise<DiarizationEngine[]> {
  const here = { ...options, download: false };
  const files = await Promise.allSettled([
    diarizationFile({ engine: undefined, model: undefined }, here, undefined),
    defaultDiarizationFile(here, undefined),
  ]);
  const engines = await Promise.allSettled(
    files.map((file) =>
      file.status === "fulfilled" ? diarizationEngineOf(file.value.path) : Promise.reject(file.reason),
    ),
  );
  return [...new Set(engines.flatMap((engine) => (engine.status === "fulfilled" ? [engine.value] : [])))];
}

async function diarizationFile(
  { engine, model }: Pick<ResolvedDiarization, "engine" | "model">,
  options: TranscriberOptions,
  signal: AbortSignal | undefined,
): Promise<ResolvedModel> {
  const named = namedDiarizationModel({ model });
  if (named !== undefined) {
    const file = await namedDiarizationFile(named, options, signal);
    if (engine === undefined) return file;
    const own = await diarizationEngineOf(file.path);
    if (own === engine) return file;
    if (model !== undefined || engine !== DEFAULT_ENGINE) {
      throw new TranscriptionError(
        "INVALID_ARGUMENT",
        `Expected a model of the ${engine} engine but ${JSON.stringify(named)} is one of the ${own} engine`,
        { option: "diarize.engine" },
      );
    }
  } else if (engine !== undefined && engine !== DEFAULT_ENGINE) {
    throw new TranscriptionError(
      "INVALID_ARGUMENT",
      `The ${engine} engine needs a diarization model, but none is named: give diarize.model or set ` +
        "AGORA_DIARIZATION_MODEL. `agora-transcribe models convert` makes one",
      { option: "diarize.model" },
    );
  }
  return defaultDiarizationFile(options, signal);
}

async function namedDiarizationFile(
  model: string,
  { download, onDownload, cacheDir }: TranscriberOptions,
  signal: AbortSignal | undefined,
): Promise<ResolvedModel> {
  if ((await stat(model).catch(() => undefined))?.isDirectory()) {
    throw new TranscriptionError(
      "MODEL_INVALID",
      `Expected a diarization model but ${JSON.stringify(model)} is a folder: \`agora-transcribe models convert\` ` +
        "makes one file of a model's parts",
      { option: "diarize.model" },
    );
  }
  return resolveModel(model, { download, onDownload, signal }, environmentFor(undefined, cacheDir));
}

async function defaultDiarizationFile(
  { download, onDownload, cacheDir }: TranscriberOptions,
  signal: AbortSignal | undefined,
): Promise<ResolvedModel> {
  const environment = environmentFor(undefined, cacheDir);
  try {
    return await resolveModel(DEFAULT_DIARIZATION_MODEL, { download, onDownload, signal }, environment);
  } catch (error) {
    const known = TranscriptionError.from(error);
    if (known.code !== "MODEL_NOT_FOUND") throw error;
    throw new TranscriptionError(
      "MODEL_NOT_FOUND",
      [
        "To tell speakers of one channel apart a diarization model is needed. None was named, and " +
          `${DEFAULT_DIARIZATION_MODEL} is not available. ${known.message}.`,
        "There are two ways on:",
        `  agora-transcribe models download ${DEFAULT_DIARIZATION_MODEL}   fetch it once, with a connection`,
        "  diarize.model (--diarization-model PATH, AGORA_DIARIZATION_MODEL)   use a model file that you have",
      ].join("\n"),
      { cause: error, option: "diarize.model" },
    );
  }
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
