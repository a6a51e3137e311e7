import { readFileSync } from "node:fs";
import module from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { TranscriptionError } from "./errors.js";

// The one place that knows where this package lies. A bundler moves this file into another, where nothing that the
// package reads at run time lies beside it: the native addon, models, protos, the page, programs of threads.

const NAME = "agora-transcribe";

/** Folder of the file that this code is in; undefined in a bundle that has no such thing. */
function ownFolder(): string | undefined {
  try {
    return path.dirname(fileURLToPath(import.meta.url));
  } catch {
    return undefined;
  }
}

/** By the name of the default export: webpack takes calls of the function's own name for ones that it is to resolve. */
const requireFrom = (file: string): NodeJS.Require => module.createRequire(file);

let root: string | undefined;

/**
 * Folder of this package: `AGORA_PACKAGE_DIR`; else the folder above this file; else, where a bundler has moved this
 * file, the package that is installed for the program or for the working folder.
 * @throws TranscriptionError DEVICE_UNAVAILABLE where there is none
 */
export function packageRoot(): string {
  root ??= findPackageRoot();
  return root;
}

function findPackageRoot(): string {
  const { AGORA_PACKAGE_DIR } = process.env;
  if (AGORA_PACKAGE_DIR) {
    const folder = path.resolve(AGORA_PACKAGE_DIR);
    if (isPackage(folder)) return folder;
    throw new TranscriptionError(
      "DEVICE_UNAVAILABLE",
      `AGORA_PACKAGE_DIR names ${folder}, where the package ${NAME} is not`,
    );
  }
  const own = ownFolder();
  if (own && isPackage(path.dirname(own))) return path.dirname(own);
  const program = process.argv[1] ? path.dirname(path.resolve(process.argv[1])) : undefined;
  for (const place of [own, program, process.cwd()]) {
    const installed = place && installedFor(place);
    if (installed) return installed;
  }
  throw new TranscriptionError(
    "DEVICE_UNAVAILABLE",
    `The files of ${NAME} were not found: a bundler has put its code into another file, away from them. ` +
      `Leave the package out of the bundle (esbuild: --external:${NAME}; rollup, webpack, Vite: external) and install it ` +
      "beside the program, or set AGORA_PACKAGE_DIR to the folder in which it is installed",
  );
}

function isPackage(folder: string): boolean {
  try {
    return JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")).name === NAME;
  } catch {
    return false;
  }
}

function installedFor(place: string): string | undefined {
  try {
    return path.dirname(requireFrom(path.join(place, "_")).resolve(`${NAME}/package.json`));
  } catch {
    return undefined;
  }
}

/** A file or folder of this package, by its path within. @throws as {@link packageRoot} */
export function packageFile(...parts: string[]): string {
  return path.join(packageRoot(), ...parts);
}

/**
 * The address of a module of this package, for threads that run it.
 * @param file its path in `dist`, such as `models/convert/worker.js`, and alike in the sources
 * @throws as {@link packageRoot}
 */
export function moduleUrl(file: string): URL {
  const own = ownFolder();
  const isInPlace = own !== undefined && path.dirname(own) === packageRoot();
  return pathToFileURL(path.join(isInPlace ? own : packageFile("dist"), file));
}

/** `require` as this package's own files have it. @throws as {@link packageRoot} */
export function packageRequire(): NodeJS.Require {
  return requireFrom(packageFile("package.json"));
}

/** Folder of another package as this one sees it, or undefined where it is not installed. @throws as {@link packageRoot} */
export function companionFolder(name: string): string | undefined {
  try {
    return path.dirname(packageRequire().resolve(`${name}/package.json`));
  } catch (error) {
    if (error instanceof TranscriptionError) throw error;
    return undefined;
  }
}
