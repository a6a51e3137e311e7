import { readdir, stat } from "node:fs/promises";
import { basename, isAbsolute, join } from "node:path";
import { listModels, type ModelListing } from "../../index.js";
import { entriesOf } from "../setting-values.js";
import type { ServerSettings } from "../settings.js";
import type { Named } from "./names.js";

/** A model whose files are here, so that nothing has to be fetched to load it. */
export interface InstalledModel extends Named {
  /** For the `model` option: a name, or the path of what has none. */
  source: string;
  /** Of the file, where it is known. */
  path: string | undefined;
  /** Undefined: a file that the registry does not know. */
  kind: "whisper" | "borealis" | undefined;
}

type Which = Pick<ServerSettings, "modelsServed" | "cacheDir">;

/**
 * The speech models that a request may name, by `MODELS_SERVED`: those of the package and of the models' folder, or those
 * that are listed, which may be paths as well. What a list has and is not here is left out.
 */
export async function installedModels({ modelsServed, cacheDir }: Which): Promise<InstalledModel[]> {
  if (modelsServed === "none") return [];
  const here = (await listModels(cacheDir === undefined ? {} : { cacheDir })).flatMap(installed);
  if (modelsServed === "installed") return here;
  const listed = await Promise.all(
    entriesOf(modelsServed).map((entry) =>
      isPath(entry)
        ? atPath(entry)
        : here.find(({ name, aliases }) => name === entry || aliases.includes(entry)),
    ),
  );
  return listed.filter((model) => model !== undefined);
}

/** Entries of `MODELS_SERVED` that nothing is found for. */
export async function missingModels(settings: Which): Promise<string[]> {
  const { modelsServed } = settings;
  if (["none", "installed"].includes(modelsServed)) return [];
  const found = await installedModels(settings);
  return entriesOf(modelsServed).filter(
    (entry) =>
      !found.some(
        ({ name, aliases, source }) => source === entry || name === entry || aliases.includes(entry),
      ),
  );
}

/** Conversions of folders are the folders', whose paths are nobody's to name. */
function installed({ name, aliases = [], kind, state, bytes, path }: ModelListing): InstalledModel[] {
  if (state === "unknown")
    return [{ name: basename(name), aliases, source: name, path, kind: undefined, fileBytes: bytes }];
  const isHere = state === "bundled" || state === "cached";
  if (!isHere || isAbsolute(name) || (kind !== "whisper" && kind !== "borealis")) return [];
  return [{ name, aliases, source: name, path, kind, fileBytes: bytes }];
}

function isPath(entry: string): boolean {
  return /^(\.{0,2}\/)/.test(entry);
}

async function atPath(path: string): Promise<InstalledModel | undefined> {
  const fileBytes = await bytesAt(path).catch(() => undefined);
  if (fileBytes === undefined) return undefined;
  return { name: basename(path), aliases: [], source: path, path, kind: undefined, fileBytes };
}

/** Of a file, or of the files in a folder. */
async function bytesAt(path: string): Promise<number> {
  const status = await stat(path);
  if (!status.isDirectory()) return status.size;
  const files = await Promise.all((await readdir(path)).map((name) => stat(join(path, name))));
  return files.reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0);
}
