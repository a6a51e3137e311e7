import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const LOADER = new URL("./typescript-loader.mjs", import.meta.url).href;
const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

export interface ChildResult {
  stdout: string;
  stderr: string;
  /** Exit code, or null when a signal ended the process. */
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface RunningChild {
  child: ChildProcess;
  /** Settles when the process has ended and its output is complete. */
  ended: Promise<ChildResult>;
  /** Resolves once `text` has appeared on stderr; rejects when the process ends without it. */
  stderrHas(text: string): Promise<void>;
  /** What has appeared on stderr so far. */
  stderr(): string;
}

export interface ChildOptions {
  env?: Record<string, string>;
  /** TypeScript file to run instead of the command line itself. */
  script?: string;
  /** Working folder, if not that of this process. */
  cwd?: string;
}

/** Starts the command line, from its sources, in a process of its own. */
export function startCli(
  args: readonly string[],
  { cwd, env, script = MAIN }: ChildOptions = {},
): RunningChild {
  const child = spawn(process.execPath, ["--import", LOADER, script, ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  // A process that ends without reading its input closes the pipe under a writer.
  child.stdin.on("error", () => {});
  const ended = new Promise<ChildResult>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ stdout, stderr, code, signal }));
  });
  const stderrHas = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const check = () => {
        if (stderr.includes(text)) resolve();
      };
      child.stderr.on("data", check);
      check();
      ended.then(() => reject(new Error(`The process ended without writing ${text}: ${stderr}`)), reject);
    });
  return { child, ended, stderrHas, stderr: () => stderr };
}

/** Runs the command line to its end, with `input` on its standard input. */
export async function runCli(
  args: readonly string[],
  options: ChildOptions & { input?: string | Uint8Array } = {},
): Promise<ChildResult> {
  const { child, ended } = startCli(args, options);
  child.stdin!.end(options.input ?? "");
  return ended;
}
