import { constants } from "node:fs";
import { access, lstat, stat } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { invalidArgument, TranscriptionError, throwIfAborted } from "../errors.js";
import { packageFile } from "../package-files.js";
import type { DownloadProgress } from "../types/options.js";
import { VERSION } from "../version.js";
import { borealisModelIn, borealisName } from "./borealis-files.js";
import { formatBytes } from "./bytes.js";
import { fileSize, isComplete, modelPath } from "./cache.js";
import { type ModelEnvironment, modelEnvironment } from "./environment.js";
import { folderModelPath } from "./folder-model.js";
import { hubModelPath } from "./hub-model.js";
import { isHubName } from "./hub-name.js";
import type { ModelKind, RegistryEntry } from "./registry.js";
import { tokenFor } from "./secrets.js";

/** Used where a VAD model is wanted and none is named: part of this package, whatever is cached. */
const DEFAULT_VAD_MODEL = "silero-v6.2.0";
/** Used where speakers of one channel are to be told apart and no model is named. */
export const DEFAULT_DIARIZATION_MODEL = "nemotron-3-diarization";
const MODEL_FILE = /\.(bin|gguf)$/;

export interface ResolveOptions {
  /** What the model must be for; absent: anything. Files outside the registry are not looked into here. */
  kind?: ModelKind;
  /** Download a model of the registry that is not cached. Default true; `AGORA_OFFLINE` forbids it in any case. */
  download?: boolean | undefined;
  onDownload?: ((progress: DownloadProgress) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** A model file that exists. */
export interface ResolvedModel {
  /** Registry name, or name of the file. */
  name: string;
  /** Absolute. */
  path: string;
  /** Longest window in seconds that the model reads well, when that is less than 30. */
  maxWindow?: number;
}

/**
 * The file of a model: a name in the registry (bundled, cached or downloaded now), otherwise a path, relative to the
 * working directory, of a model or of a checkpoint's folder, or the name of a checkpoint on the Hugging Face Hub. Without any the environment's default model.
 * @throws TranscriptionError INVALID_ARGUMENT, MODEL_NOT_FOUND, MODEL_INVALID (a folder or device; another file than
 * expected was downloaded), CANCELLED
 */
export async function resolveModel(
  nameOrPath: string | undefined,
  options: ResolveOptions = {},
  environment: ModelEnvironment = modelEnvironment(),
): Promise<ResolvedModel> {
  throwIfAborted(options.signal);
  if (nameOrPath !== undefined) return resolveNamed(nameOrPath, options, environment);
  const name = options.kind === "vad" ? DEFAULT_VAD_MODEL : environment.defaultModel;
  try {
    return await resolveNamed(name, options, environment);
  } catch (error) {
    if (options.kind === "vad" || !(error instanceof TranscriptionError) || error.code !== "MODEL_NOT_FOUND")
      throw error;
    throw noDefaultModel(name, error, environment);
  }
}

async function resolveNamed(
  nameOrPath: string,
  options: ResolveOptions,
  environment: ModelEnvironment,
): Promise<ResolvedModel> {
  if (typeof nameOrPath !== "string" || nameOrPath === "" || nameOrPath.includes("\0")) {
    throw invalidArgument("model", "the name of a model or the path of its file", nameOrPath);
  }
  const entry = environment.registry.find(nameOrPath);
  if (!entry) return resolvePath(nameOrPath, options, environment);
  if (options.kind && entry.kind !== options.kind) {
    throw invalidArgument("model", `a ${options.kind} model`, `${nameOrPath} (a ${entry.kind} model)`);
  }
  return resolveEntry(entry, options, environment);
}

/** The file of a registry entry, downloaded if need be. */
export async function resolveEntry(
  entry: RegistryEntry,
  options: Omit<ResolveOptions, "kind">,
  environment: ModelEnvironment,
): Promise<ResolvedModel> {
  const path = modelPath(entry, environment.cacheDirectory);
  if (await isComplete(entry, path)) return describe(entry, path);
  if (entry.package !== undefined && (await fileSize(path)) === undefined) {
    throw notFound(
      `Model ${entry.name} comes in a package of its own: \`npm install ${entry.package}@${VERSION}\` adds it`,
    );
  }
  if (entry.package !== undefined && path !== packageFile("models", entry.file)) {
    throw notFound(
      `Model ${entry.name} of this version is another file than ${path}: the package ${entry.package} is of another version ` +
        `or damaged. \`npm install ${entry.package}@${VERSION}\` brings the one that belongs to this`,
    );
  }
  if (entry.url === undefined) {
    throw notFound(
      `Model ${entry.name} belongs to this package, but its file is damaged or missing: ${path}. Reinstall the package`,
    );
  }
  if (environment.offline || options.download === false) throw await notCached(entry, path, environment);

  // Loaded when needed: the HTTP client takes a tenth of a second, and the lock listens for signals of the process.
  const { downloadFile } = await import("./download.js");
  const { name, bytes, sha256 } = entry;
  const url = fromMirror(entry.url, environment.mirror);
  await downloadFile(
    { name, url, path, bytes, sha256 },
    {
      token: tokenFor(new URL(url), environment),
      retry: environment.retry,
      onProgress: (received) =>
        options.onDownload?.({ model: name, received, total: bytes, licence: entry.licence }),
      signal: options.signal,
    },
  );
  return describe(entry, path);
}

/** The model of a checkpoint on the Hugging Face Hub, downloaded and converted if need be. */
export async function resolveHubModel(
  name: string,
  { download, onDownload, signal }: Omit<ResolveOptions, "kind">,
  environment: ModelEnvironment,
): Promise<ResolvedModel> {
  return { name, path: await hubModelPath(name, { download, onDownload, signal }, environment) };
}

async function resolvePath(
  given: string,
  options: ResolveOptions,
  environment: ModelEnvironment,
): Promise<ResolvedModel> {
  const path = resolve(given);
  const status = await stat(path).catch((error: NodeJS.ErrnoException) => error);
  if (status instanceof Error) {
    if (await isOnHub(given, path, options)) return resolveHubModel(given, options, environment);
    throw await missing(given, path, status, options, environment);
  }
  if (status.isDirectory()) {
    const languageModel = await borealisModelIn(path);
    if (languageModel) return { name: borealisName(languageModel), path: languageModel };
    const { onDownload, signal, kind } = options;
    const converted =
      kind === "vad" ? undefined : await folderModelPath(path, { onDownload, signal }, environment);
    if (converted) return { name: basename(path), path: converted };
  }
  if (!status.isFile()) {
    const what = status.isDirectory() ? "a folder" : "not a regular file";
    throw new TranscriptionError(
      "MODEL_INVALID",
      `Expected a model file but ${JSON.stringify(given)} is ${what}`,
    );
  }
  await access(path, constants.R_OK).catch((error: NodeJS.ErrnoException) => {
    throw notFound(`Cannot read model file ${path} (${error.code})`, error);
  });
  const name = basename(path);
  const entry = environment.registry.findFile(name);
  return entry?.bytes === status.size ? describe(entry, path) : { name, path };
}

/** Whether what is no path can be a name on the Hub: a folder that is there makes it the path of something missing. */
async function isOnHub(given: string, path: string, { kind }: ResolveOptions): Promise<boolean> {
  if (kind === "vad" || !isHubName(given) || MODEL_FILE.test(given)) return false;
  const links = await Promise.all([path, dirname(path)].map((each) => lstat(each).catch(() => undefined)));
  return links.every((link) => link === undefined);
}

/** Why a path leads nowhere. What has neither a folder nor an ending was probably meant to be a name. */
async function missing(
  given: string,
  path: string,
  cause: NodeJS.ErrnoException,
  { kind }: ResolveOptions,
  { registry }: ModelEnvironment,
): Promise<TranscriptionError> {
  const shown = JSON.stringify(given.length > 200 ? `${given.slice(0, 200)}…` : given);
  const link = await lstat(path).catch(() => undefined);
  if (link?.isSymbolicLink())
    return notFound(`Model file ${shown} is a link to a file that does not exist`, cause);
  if (cause.code !== "ENOENT" && cause.code !== "ENOTDIR") {
    return notFound(`Cannot read model file ${shown} (${cause.code})`, cause);
  }
  const hint = registry.hint(given, kind);
  if (/[/\\]/.test(given) || MODEL_FILE.test(given)) {
    const home = given.startsWith("~") ? " (~ is not replaced with your home folder here)" : "";
    return notFound(
      `There is no model file ${shown}${home} (looked for ${path.slice(0, 300)}).${hint}`,
      cause,
    );
  }
  return notFound(
    `There is no model named ${shown}, nor a file of that name.${hint} \`agora-transcribe models list\` shows all names`,
    cause,
  );
}

async function notCached(
  entry: RegistryEntry,
  path: string,
  { offline }: ModelEnvironment,
): Promise<TranscriptionError> {
  const size = await fileSize(path);
  const state =
    size === undefined
      ? "is not cached"
      : `is damaged in the cache (${path} has ${size} bytes, expected ${entry.bytes})`;
  return notFound(
    offline
      ? `Model ${entry.name} ${state}, and AGORA_OFFLINE forbids downloads. Unset it, or fetch ` +
          `${entry.url} elsewhere and save it as ${path}`
      : `Model ${entry.name} ${state}, and may not be downloaded here. Run: agora-transcribe models download ${entry.name}`,
  );
}

function noDefaultModel(
  name: string,
  cause: TranscriptionError,
  { registry }: ModelEnvironment,
): TranscriptionError {
  const entry = registry.find(name);
  const size = entry ? ` (${formatBytes(entry.bytes)})` : "";
  const known = entry?.name ?? (isHubName(name) ? name : "NAME");
  return notFound(
    [
      `No model was named, and the default model ${name}${size} is not available. ${cause.message}.`,
      "There are three ways on:",
      `  agora-transcribe models download ${known}   fetch a model once, with a connection`,
      "  --model PATH   use a model file that you have",
      "  --model demo   use the small demonstration model that comes with the package, offline",
    ].join("\n"),
    cause,
  );
}

function fromMirror(url: string, mirror: string | undefined): string {
  return mirror === undefined ? url : mirror + new URL(url).pathname;
}

function describe({ name, maxWindow }: RegistryEntry, path: string): ResolvedModel {
  return maxWindow === undefined ? { name, path } : { name, path, maxWindow };
}

function notFound(message: string, cause?: unknown): TranscriptionError {
  return new TranscriptionError("MODEL_NOT_FOUND", message, { cause });
}
