import { resolve } from "node:path";
import { text } from "../config/checks.js";
import { TranscriptionError } from "../errors.js";
import { cacheDirectory } from "./cache.js";
import { huggingFaceCache } from "./hugging-face-cache.js";
import { type Registry, registry } from "./registry.js";
import { DEFAULT_RETRY_POLICY, type RetryPolicy } from "./retry.js";

/** Used when neither an option nor `AGORA_MODEL` names a model: the best that still runs well on a CPU. */
const DEFAULT_MODEL = "large-v3-turbo-q5_0";

/** What the functions of this folder work with; tests bring their own. */
export interface ModelEnvironment {
  registry: Registry;
  /** Folder of downloaded models. */
  cacheDirectory: string;
  /** Where Hugging Face's own libraries keep checkpoints; absent: nowhere. */
  huggingFaceCache?: string | undefined;
  /** Takes the place of `https://huggingface.co`, without a trailing slash. */
  mirror: string | undefined;
  /** Nothing may be downloaded, whatever options say. */
  offline: boolean;
  /** Bearer token of the Hugging Face Hub, for that server alone. */
  token: string | undefined;
  /** Bearer token of the mirror, for that server alone. */
  mirrorToken?: string | undefined;
  /** Model of requests that name none. */
  defaultModel: string;
  retry: RetryPolicy;
}

/**
 * Reads `AGORA_CACHE_DIR`, `XDG_CACHE_HOME`, `AGORA_MODEL_MIRROR`, `AGORA_OFFLINE`, `AGORA_MODEL`,
 * `HF_TOKEN` or `HUGGINGFACE_TOKEN`, `AGORA_MIRROR_TOKEN`, and what {@link huggingFaceCache} reads.
 * @throws TranscriptionError INVALID_ARGUMENT when `AGORA_MODEL_MIRROR` is no http(s) URL
 */
export function modelEnvironment(variables: NodeJS.ProcessEnv = process.env): ModelEnvironment {
  return {
    registry: registry(),
    cacheDirectory: cacheDirectory(variables),
    huggingFaceCache: huggingFaceCache(variables),
    mirror: parseMirror(variables.AGORA_MODEL_MIRROR),
    offline: isOn(variables.AGORA_OFFLINE),
    token: variables.HF_TOKEN || variables.HUGGINGFACE_TOKEN || undefined,
    mirrorToken: variables.AGORA_MIRROR_TOKEN || undefined,
    defaultModel: defaultModelName(variables),
    retry: DEFAULT_RETRY_POLICY,
  };
}

/** What the functions about models have in common. */
export interface CacheOptions {
  /** Folder of downloaded and converted models. Default: `AGORA_CACHE_DIR`, else `~/.cache/agora-transcribe/models`. */
  cacheDir?: string;
}

/** The environment, with the folder of models that was asked for. @throws TranscriptionError INVALID_ARGUMENT */
export function environmentWith({ cacheDir }: CacheOptions): ModelEnvironment {
  const environment = modelEnvironment();
  if (cacheDir === undefined) return environment;
  return { ...environment, cacheDirectory: resolve(text(1, 4096)("cacheDir", cacheDir)) };
}

/** `AGORA_MODEL`, else {@link DEFAULT_MODEL}. */
export function defaultModelName(variables: NodeJS.ProcessEnv = process.env): string {
  return variables.AGORA_MODEL || DEFAULT_MODEL;
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && !/^(|0|false|no|off)$/i.test(value.trim());
}

function parseMirror(value: string | undefined): string | undefined {
  if (!value) return undefined;
  if (URL.canParse(value)) {
    const { protocol, search, hash } = new URL(value);
    if (/^https?:$/.test(protocol) && !search && !hash) return value.replace(/\/+$/, "");
  }
  throw new TranscriptionError(
    "INVALID_ARGUMENT",
    `Expected an http or https URL without query for AGORA_MODEL_MIRROR but received ${JSON.stringify(value)}`,
    { option: "AGORA_MODEL_MIRROR" },
  );
}
