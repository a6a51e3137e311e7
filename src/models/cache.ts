import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { companionFolder, packageFile } from "../package-files.js";
import { homeFolder } from "./home.js";
import type { RegistryEntry } from "./registry.js";

/** Stands for the folder of a user who has none: nothing is ever found there, and nothing can be written. */
export const NOWHERE = "/dev/null/agora-transcribe";

/**
 * Folder of downloaded models: `AGORA_CACHE_DIR`, else `$XDG_CACHE_HOME/agora-transcribe/models`,
 * else `~/.cache/agora-transcribe/models`, else {@link NOWHERE}. A relative `XDG_CACHE_HOME` is ignored, as its specification asks.
 */
export function cacheDirectory(variables: NodeJS.ProcessEnv = process.env): string {
  if (variables.AGORA_CACHE_DIR) return resolve(variables.AGORA_CACHE_DIR);
  const xdg = variables.XDG_CACHE_HOME;
  const home = homeFolder();
  const base = xdg && isAbsolute(xdg) ? xdg : home && join(home, ".cache");
  return base ? join(base, "agora-transcribe", "models") : NOWHERE;
}

/** Where the file of `entry` belongs, whether or not it is there. */
export function modelPath(entry: RegistryEntry, directory: string): string {
  if (!entry.bundled) return join(directory, entry.file);
  const own = packageFile("models", entry.file);
  const folder = entry.package !== undefined && !existsSync(own) && companionFolder(entry.package);
  return folder ? join(folder, "models", entry.file) : own;
}

/**
 * Whether the file at `path` is `entry`'s by its size. Its hash was checked when it was downloaded;
 * checking it at each start would cost seconds for the large models.
 */
export async function isComplete(entry: { bytes: number }, path: string): Promise<boolean> {
  return (await fileSize(path)) === entry.bytes;
}

/** Size of a regular file (links are followed), or undefined when there is none. */
export async function fileSize(path: string): Promise<number | undefined> {
  try {
    const status = await stat(path);
    return status.isFile() ? status.size : undefined;
  } catch {
    return undefined;
  }
}
