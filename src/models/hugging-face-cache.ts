import { readdir, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { fileSize } from "./cache.js";

const REVISION = /^[0-9a-f]{40}$/;
const WEIGHTS = /^(model(-\d+-of-\d+)?\.safetensors|pytorch_model(-\d+-of-\d+)?\.bin|model\.bin)$/;
const INDEX = /^(model\.safetensors|pytorch_model\.bin)\.index\.json$/;
const TOKENS = /^(vocab\.json|tokenizer\.json|vocabulary\.(json|txt))$/;

/**
 * Where Hugging Face's own libraries, faster-whisper's among them, keep what they download: `HF_HUB_CACHE`, else
 * `$HF_HOME/hub`, else `$XDG_CACHE_HOME/huggingface/hub`, else `~/.cache/huggingface/hub`.
 * Source: huggingface_hub, constants.py.
 */
export function huggingFaceCache(variables: NodeJS.ProcessEnv = process.env): string {
  const { HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME, XDG_CACHE_HOME } = variables;
  const cache = HF_HUB_CACHE || HUGGINGFACE_HUB_CACHE;
  if (cache) return expanded(cache);
  if (HF_HOME) return join(expanded(HF_HOME), "hub");
  const base = XDG_CACHE_HOME && isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : join(homedir(), ".cache");
  return join(base, "huggingface", "hub");
}

function expanded(path: string): string {
  return /^~[/\\]/.test(path) ? join(homedir(), path.slice(2)) : path;
}

/**
 * The folder of a checkpoint's files at the branch, tag or commit `revision`, when all that a conversion needs has been
 * downloaded: settings, tokens and weights. Its files are links to where the cache keeps them by their hashes.
 * @param name `"Systran/faster-whisper-small"`
 */
export async function cachedSnapshot(
  name: string,
  cache: string,
  revision = "main",
): Promise<string | undefined> {
  const folder = join(cache, `models--${name.replaceAll("/", "--")}`);
  // Branches may have slashes, as `refs/pr/1` does; nothing leads out of the folder.
  if (!/^[\w.-]+(\/[\w.-]+)*$/.test(revision) || revision.split("/").includes("..")) return undefined;
  const commit = REVISION.test(revision) ? revision : await readRef(join(folder, "refs", revision));
  if (commit === undefined) return undefined;
  const snapshot = join(folder, "snapshots", commit);
  const files = await readdir(snapshot).catch(() => []);
  // A link to nothing is a file whose download has not ended.
  const present = new Set<string>();
  for (const file of files) if ((await fileSize(join(snapshot, file))) !== undefined) present.add(file);
  const has = (pattern: RegExp) => [...present].some((file) => pattern.test(file));
  if (!present.has("config.json") || !has(TOKENS) || !has(WEIGHTS)) return undefined;
  const index = [...present].find((file) => INDEX.test(file));
  if (index && !(await shardsOf(join(snapshot, index))).every((file) => present.has(file))) return undefined;
  return snapshot;
}

async function readRef(path: string): Promise<string | undefined> {
  const commit = (await readFile(path, "utf8").catch(() => "")).trim();
  return REVISION.test(commit) ? commit : undefined;
}

async function shardsOf(index: string): Promise<string[]> {
  try {
    const { weight_map: places } = JSON.parse(await readFile(index, "utf8")) as { weight_map?: object };
    return [...new Set(Object.values(places ?? {}) as string[])];
  } catch {
    return [];
  }
}
