import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { access, constants, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { missingAddon, thisSystem } from "../addon/locate.js";
import { TranscriptionError } from "../index.js";
import { companionFolder, packageRoot } from "../package-files.js";
import { VERSION } from "../version.js";
import type { CliContext } from "./context.js";
import { EXIT } from "./exit.js";
import type { Terminal } from "./terminal.js";

export interface BuildFlags {
  cuda?: boolean;
  out?: string;
}

/** The package of the native sources, whose dependencies are the tools that build them. */
const SOURCES = "agora-transcribe-source";
const SCRIPT = path.join("scripts", "build-native.mjs");

/**
 * `agora-transcribe build`: builds the addon from source into `build/Release` of this package or of `--out`. The sources
 * are those of a clone, of the installed source package, or fetched by npm for the time that it takes.
 * @returns exit code
 * @throws TranscriptionError DEVICE_UNAVAILABLE on other systems than Linux, STORAGE_FAILED where it cannot write
 */
export async function buildAddon(
  { cuda, out }: BuildFlags,
  { signal }: CliContext,
  terminal: Terminal,
): Promise<number> {
  const system = thisSystem();
  if (system.platform !== "linux") throw new TranscriptionError("DEVICE_UNAVAILABLE", missingAddon(system));
  const target = path.resolve(out ?? packageRoot());
  await makeWritable(path.join(target, "build", "Release"));
  const args = [...(cuda === true ? ["--cuda"] : []), "--out", target];
  const installed = [packageRoot(), companionFolder(SOURCES)].find(
    (folder) => folder !== undefined && existsSync(path.join(folder, SCRIPT)),
  );
  const fetched = installed ? undefined : await mkdtemp(path.join(tmpdir(), "agora-transcribe-build-"));
  try {
    if (fetched) await fetchSources(fetched, signal);
    const folder = installed ?? path.join(fetched!, "node_modules", SOURCES);
    const code = await run(process.execPath, [path.join(folder, SCRIPT), ...args], signal);
    if (code !== 0) return EXIT.failed;
  } finally {
    if (fetched) await rm(fetched, { recursive: true, force: true });
  }
  await terminal.print(`${path.join(target, "build", "Release", "agora_transcribe.node")}\n`);
  if (target !== packageRoot())
    terminal.note(`It is used where AGORA_TRANSCRIBE_PREBUILD is set to ${target}`);
  return EXIT.ok;
}

async function makeWritable(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
  } catch (cause) {
    throw new TranscriptionError(
      "STORAGE_FAILED",
      `Cannot write to ${folder}: name another folder with --out, and set AGORA_TRANSCRIBE_PREBUILD to it afterwards`,
      { cause },
    );
  }
}

async function fetchSources(folder: string, signal: AbortSignal): Promise<void> {
  const settings = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-save", "--loglevel=error"];
  const args = ["install", "--prefix", folder, ...settings, `${SOURCES}@${VERSION}`];
  const code = await run("npm", args, signal).catch((cause) => {
    throw new TranscriptionError(
      "STORAGE_FAILED",
      `The sources are fetched by npm, which could not be started (${(cause as Error).message}). ` +
        `Add ${SOURCES}@${VERSION} to your project by its own package manager instead`,
      { cause },
    );
  });
  if (code !== 0) {
    throw new TranscriptionError(
      "STORAGE_FAILED",
      `npm could not fetch ${SOURCES}@${VERSION}; the reason is above`,
    );
  }
}

/** Runs a program; what it writes is progress, and goes to standard error. @returns its exit code */
function run(program: string, args: string[], signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["ignore", 2, 2] });
    const stop = () => child.kill();
    signal.addEventListener("abort", stop, { once: true });
    child.on("error", reject);
    child.on("close", (code) => {
      signal.removeEventListener("abort", stop);
      if (signal.aborted) reject(signal.reason);
      else resolve(code ?? 1);
    });
  });
}
