import { stat } from "node:fs/promises";
import { basename, extname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { glob, isDynamicPattern } from "tinyglobby";
import { recordingId } from "../formats/rttm.js";

/** One recording. */
export interface Input {
  /** As the user knows it. */
  name: string;
  /** Path of the file; undefined for standard input. */
  path?: string;
}

export interface ExpandedInputs {
  inputs: Input[];
  /** Arguments that name nothing that can be read, with the reason. */
  failures: string[];
}

/**
 * Arguments to inputs, in order, each file once. A name that exists is that file, whatever it looks like; only then
 * it is read as a glob pattern, whose matches come in alphabetical order.
 */
export async function expandInputs(args: readonly string[]): Promise<ExpandedInputs> {
  const inputs = new Map<string, Input>();
  const failures: string[] = [];
  for (const arg of args) {
    const found = await expand(arg);
    if (typeof found === "string") failures.push(found);
    else for (const input of found) inputs.set(input.path === undefined ? "-" : resolve(input.path), input);
  }
  return { inputs: [...inputs.values()], failures };
}

/** The inputs of one argument, or why there are none. */
async function expand(arg: string): Promise<Input[] | string> {
  if (arg === "-") return [{ name: "stdin" }];
  if (/^(https?|ftp|s3):\/\//i.test(arg)) {
    return `${arg}: addresses are not fetched; try: curl -L ${arg} | agora-transcribe -`;
  }
  let path = arg;
  try {
    if (/^file:\/\//i.test(arg)) path = fileURLToPath(arg);
    if (!(await stat(path)).isDirectory()) return [{ name: path, path }];
    return `${path}: is a directory; name its files, for instance '${path.replace(/\/+$/, "")}/*.mp3'`;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ENOTDIR" && code !== "ENAMETOOLONG") return `${path}: ${message}`;
  }
  if (!isDynamicPattern(path)) return `${path}: no such file${adviceFor(path)}`;
  const matches = await glob(path, { expandDirectories: false, absolute: path.startsWith("/") });
  if (matches.length === 0) return `${path}: no file matches this pattern`;
  return matches.sort().map((match) => ({ name: match, path: match }));
}

/** What is meant where a word is no file. */
function adviceFor(word: string): string {
  if (word === "help") return "; try: agora-transcribe --help";
  if (word === "version") return "; try: agora-transcribe --version";
  return word === "transcribe" ? "; files need no command before them" : "";
}

/**
 * A name without extension for each input's output files, no two alike: `call` for `call.mp3`; where two would
 * collide, with each other or with an input, the extension is kept (`call.mp3`, `call.wav`), and where that is not
 * enough they are numbered (`call.mp3-2`).
 *
 * @param extensions of the files that will be written, without dot
 */
export function outputNames(
  inputs: readonly Input[],
  directory: string,
  extensions: readonly string[],
): string[] {
  const taken = new Set(inputs.flatMap(({ path }) => (path ? [resolve(path)] : [])));
  const filesOf = (name: string) => extensions.map((extension) => resolve(directory, `${name}.${extension}`));
  return namesApart(
    inputs.map(({ name }) => basename(name)),
    (name) => !filesOf(name).some((file) => taken.has(file)),
    (name) => {
      for (const file of filesOf(name)) taken.add(file);
    },
  );
}

/** What RTTM calls each input, no two alike: as {@link outputNames}, wherever the turns are written. */
export function recordingIds(inputs: readonly Input[]): string[] {
  const taken = new Set<string>();
  return namesApart(
    inputs.map(({ name }) => recordingId(basename(name))),
    (id) => !taken.has(id),
    (id) => taken.add(id),
  );
}

/** Each base name without its extension where that tells it apart, else with it, and numbered where it must be. */
function namesApart(
  bases: readonly string[],
  isFree: (name: string) => boolean,
  take: (name: string) => void,
): string[] {
  const short = bases.map((base) => basename(base, extname(base)));
  const uses = new Map<string, number>();
  for (const name of short) uses.set(name, (uses.get(name) ?? 0) + 1);
  // Where the numbers of a base name have got to, so that many inputs of one name are not counted anew for each.
  const numbers = new Map<string, number>();
  return bases.map((whole, index) => {
    const base = uses.get(short[index]!) === 1 && isFree(short[index]!) ? short[index]! : whole;
    let name = base;
    for (let number = numbers.get(base) ?? 2; !isFree(name); number++) {
      name = `${base}-${number}`;
      numbers.set(base, number + 1);
    }
    take(name);
    return name;
  });
}
