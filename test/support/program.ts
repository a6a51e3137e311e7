import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { vi } from "vitest";
import type { ChildResult } from "./cli.js";

const url = (path: string): string => new URL(path, import.meta.url).href;
const LOADER = url("./typescript-loader.mjs");
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** Long enough for a slow machine that is busy, too: a program that takes it has hung. */
const HANGS_AFTER_MS = 170_000;
vi.setConfig({ testTimeout: HANGS_AFTER_MS + 10_000 });

/** What every program can use without importing it. */
export const PRELUDE = `
import { convertModel, createTranscriber, getSystemInfo, inspectModel, quantizeModel, transcribe } from "${url("../../src/index.ts")}";
import { sampleAudio, samplePath, DEMO_MODEL, F16_MODEL } from "${url("./samples.ts")}";
const DEMO = { model: "demo", vadModel: null, download: false };
const LONG = samplePath("long-call-en.flac");
`;

/**
 * Runs an ES module with the public API, from its sources, in a Node.js process of its own.
 * Rejects when the program hangs.
 */
export function runProgram(source: string, nodeOptions: readonly string[] = []): Promise<ChildResult> {
  const args = [...nodeOptions, "--import", LOADER, "--input-type=module", "-e", PRELUDE + source];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    const hangs = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`The program hung.\n${stdout}\n${stderr}`));
    }, HANGS_AFTER_MS);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(hangs);
      resolve({ stdout, stderr, code, signal });
    });
  });
}
