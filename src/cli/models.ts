import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import type { DownloadProgress } from "../index.js";
import type { CliContext } from "./context.js";
import { downloadNote } from "./download-note.js";
import { EXIT, UsageError } from "./exit.js";
import { bar, DownloadStatus } from "./progress.js";
import { table } from "./table.js";
import type { Terminal } from "./terminal.js";
import { formatBytes } from "./units.js";

/** Entries of a list, such as a model's languages, that a table shows; `--json` has them all. */
const LIST_LENGTH = 10;

/** Output for people or, with `--json`, for machines. */
export interface JsonFlag {
  json?: boolean;
}

/** Where models are. */
export interface CacheFlag {
  cacheDir?: string;
}

/** The library's option for the flag. */
export function cacheOf({ cacheDir }: CacheFlag): CacheFlag {
  return cacheDir === undefined ? {} : { cacheDir };
}

/** `agora-transcribe models list` */
export async function listModels(
  flags: JsonFlag & CacheFlag,
  { api }: CliContext,
  terminal: Terminal,
): Promise<number> {
  const models = await api.listModels(cacheOf(flags));
  if (flags.json) {
    await terminal.print(toJson(models));
    return EXIT.ok;
  }
  const rows = models.map(({ name, isDefault, state, bytes, bytesOnDisk, description }) => [
    isDefault ? `${name} *` : name,
    formatBytes(bytes),
    state === "partial" ? `partial, ${Math.floor((100 * bytesOnDisk) / bytes)} %` : state,
    description,
  ]);
  await terminal.print(table([["NAME", "SIZE", "STATE", "DESCRIPTION"], ...rows]));
  await terminal.print("\n* used where no model is named\n");
  return EXIT.ok;
}

/** `agora-transcribe models download NAME…` */
export async function downloadModels(
  names: readonly string[],
  flags: CacheFlag,
  { api, signal }: CliContext,
  terminal: Terminal,
): Promise<number> {
  for (const name of names) {
    const status = new DownloadStatus();
    let latest: DownloadProgress | undefined;
    terminal.showStatus(() => (latest ? status.render(latest) : `asking for ${name}`));
    try {
      const onProgress = (progress: DownloadProgress) => {
        if (!latest && progress.licence !== undefined) terminal.note(downloadNote(progress));
        latest = progress;
      };
      const { path } = await api.downloadModel(name, { ...cacheOf(flags), signal, onProgress });
      terminal.hideStatus();
      await terminal.print(`${path}\n`);
    } finally {
      terminal.hideStatus();
    }
  }
  return EXIT.ok;
}

/** `agora-transcribe models inspect NAME|PATH` */
export async function inspectModel(
  nameOrPath: string,
  flags: JsonFlag & CacheFlag,
  { api, signal }: CliContext,
  terminal: Terminal,
): Promise<number> {
  const model = await api.inspectModel(nameOrPath, { ...cacheOf(flags), signal });
  if (flags.json) {
    await terminal.print(toJson(model));
    return EXIT.ok;
  }
  const { name, path, kind, ...rest } = model;
  const facts = Object.entries({ name, path, kind, ...rest }).map(([key, value]) => [
    key,
    inspected(key, value),
  ]);
  await terminal.print(table(facts));
  return EXIT.ok;
}

function inspected(key: string, value: unknown): string {
  if (key === "fileBytes" && typeof value === "number") return `${value} (${formatBytes(value)})`;
  if (Array.isArray(value)) {
    const shown = value.slice(0, LIST_LENGTH).join(" ");
    return value.length > LIST_LENGTH ? `${value.length}: ${shown} …` : shown;
  }
  if (typeof value === "boolean") return value ? "yes" : "no";
  return String(value);
}

/** `agora-transcribe models remove NAME…` */
export async function removeModels(
  names: readonly string[],
  flags: CacheFlag,
  { api }: CliContext,
  terminal: Terminal,
): Promise<number> {
  for (const name of names) {
    const { path, bytes } = await api.removeModel(name, cacheOf(flags));
    terminal.note(`Removed ${path} (${formatBytes(bytes)})`);
  }
  return EXIT.ok;
}

/** `agora-transcribe models quantize SOURCE TYPE [DESTINATION]` */
export async function quantizeModel(
  source: string,
  givenType: string,
  destination: string | undefined,
  flags: CacheFlag & { force?: boolean },
  { api, signal }: CliContext,
  terminal: Terminal,
): Promise<number> {
  const type = givenType.toLowerCase();
  const target = await targetOf(destination, quantizedName(source, type));
  if (!flags.force && existsSync(target)) {
    throw new UsageError(`${target} exists; --force replaces it`);
  }
  let done = 0;
  terminal.showStatus(() => `${bar(done)}  ${target}`);
  try {
    const onProgress = (fraction: number) => {
      done = fraction;
    };
    const model = await api.quantizeModel(source, target, type, { ...cacheOf(flags), signal, onProgress });
    terminal.hideStatus();
    await terminal.print(`${model.path}\n`);
    return EXIT.ok;
  } finally {
    terminal.hideStatus();
  }
}

/** The file that is named, or one called `name` in the folder that is. */
async function targetOf(destination: string | undefined, name: string): Promise<string> {
  if (destination === undefined) return name;
  const status = await stat(destination).catch(() => undefined);
  return status?.isDirectory() ? join(destination, name) : destination;
}

/** `ggml-base-q5_0.bin` in the current folder for `models/ggml-base-f16.bin` or `ggml-base.bin`. */
export function quantizedName(source: string, type: string): string {
  const name = basename(resolve(source), ".bin").replace(/-(f16|f32|q\d(_\d|_k)?)$/i, "");
  return `${name}-${type}.bin`;
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
