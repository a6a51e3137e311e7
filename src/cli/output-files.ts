import { constants } from "node:fs";
import { access, readdir, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { makeFolder } from "../models/make-folder.js";
import { UsageError } from "./exit.js";

/** Options about files that are written. */
export interface OutputFlags {
  outputDir?: string;
  /** False for `--no-clobber`. */
  clobber?: boolean;
  skipExisting?: boolean;
}

/** Names of the output files without extension, one per input, in a folder. */
export interface Output {
  directory: string;
  names: string[];
}

/** What is known of an input's files before the work. */
export interface OutputState {
  /** All of them are there. */
  done: boolean;
  /** Why they cannot be written. */
  obstacle?: string;
}

/**
 * Makes the folder and finds out what would fail after the work.
 * @param extensions of the files to be written, without dot
 * @throws UsageError when the folder cannot be written to, or a file exists that may not be replaced
 */
export async function prepareOutput(
  { directory, names }: Output,
  extensions: readonly string[],
  mayReplace: boolean,
): Promise<OutputState[]> {
  const entries = await contentOf(directory);
  return names.map((name) => {
    const files = extensions.map((extension) => `${name}.${extension}`);
    const folder = files.find((file) => entries.get(file) === true);
    if (folder !== undefined) return { done: false, obstacle: `${join(directory, folder)} is a folder` };
    const existing = files.find((file) => entries.has(file));
    if (existing !== undefined && !mayReplace) {
      throw new UsageError(`${join(directory, existing)} exists already, and --no-clobber keeps it`);
    }
    return { done: files.every((file) => entries.has(file)) };
  });
}

/** What is in the folder, and whether that is a folder; makes the one that is not there. */
async function contentOf(directory: string): Promise<Map<string, boolean>> {
  try {
    await makeFolder(directory);
    // First, for it says of a file that it is no folder.
    const entries = await readdir(directory, { withFileTypes: true });
    await access(directory, constants.W_OK | constants.X_OK);
    return new Map(entries.map((entry) => [entry.name, entry.isDirectory()]));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === "ENOTDIR" ? `${await obstacleTo(directory)} is not a folder` : message;
    throw new UsageError(`Cannot use --output-dir ${directory}: ${why}`, { cause: error });
  }
}

/** What stands where a folder should be: the folder itself or one that it would be in. */
async function obstacleTo(directory: string): Promise<string> {
  const isThere = await stat(directory).then(
    () => true,
    () => false,
  );
  const parent = dirname(directory);
  return isThere || parent === directory ? directory : obstacleTo(parent);
}

/**
 * Writes a file whole or not at all: beside its place, then renamed, so that whoever reads it never finds a part, and
 * an older one stays until the new one is complete. A link is followed.
 * @throws a system error
 */
export async function writeWhole(path: string, text: string): Promise<void> {
  const target = await realpath(path).catch(() => path);
  const partial = `${target}.${process.pid}.partial`;
  try {
    await writeFile(partial, text, { flag: "wx" });
    await rename(partial, target);
  } catch (error) {
    await rm(partial, { force: true }).catch(() => {});
    throw error;
  }
}
