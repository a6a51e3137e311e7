import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** As it is built: the sources would bring the compiler's memory along. */
const MAIN = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const INTERVAL_MS = 50;

/**
 * Peak memory in bytes of the command line and its decoder, run in processes of their own; undefined where the system
 * does not tell (`/proc` of Linux).
 */
export async function peakMemoryOfCli(args: readonly string[]): Promise<number | undefined> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ["ignore", "ignore", "inherit"] });
  const peaks = new Map<number, number>();
  const timer = setInterval(() => {
    for (const pid of [child.pid!, ...childrenOf(child.pid!)]) {
      const peak = peakOf(pid);
      if (peak !== undefined) peaks.set(pid, peak);
    }
  }, INTERVAL_MS);
  const [code] = await once(child, "close").finally(() => clearInterval(timer));
  if (code !== 0) throw new Error(`${MAIN} ended with ${code}`);
  return peaks.size === 0 ? undefined : [...peaks.values()].reduce((sum, peak) => sum + peak);
}

function peakOf(pid: number): number | undefined {
  try {
    const kilobytes = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    return undefined;
  }
}

function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
      .flatMap((task) => readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" "))
      .filter((child) => child !== "")
      .map(Number);
  } catch {
    return [];
  }
}
