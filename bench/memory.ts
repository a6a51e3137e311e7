/**
 * Resident memory of long-lived processes, with the demo model:
 *
 * - repeat: 300 transcriptions in one process, then 300 loads and closes: growth after the first 50 of each
 * - long: 3-hour recordings, WAV and MP3: the peak
 *
 *   npm run bench:memory [repeat|long]
 *
 * Each measurement has a process of its own. Results go to build/bench/memory.json; the exit code tells whether the
 * targets were met.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { LongRun, Repeated } from "./support/memory-run.js";

const MOST_GROWTH_PERCENT = 2;
const MOST_PEAK_MIB = 600;
const THREE_HOURS = 3 * 60 * 60;

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const loader = path.join(root, "test", "support", "typescript-loader.mjs");
const program = path.join(root, "bench", "support", "memory-run.ts");

function measure<T>(...args: string[]): T {
  const node = ["--expose-gc", "--import", loader, program];
  const output = execFileSync(process.execPath, [...node, ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  return JSON.parse(output) as T;
}

function measureRepeat(): { rows: Repeated[]; met: boolean } {
  const rows = measure<Repeated[]>("repeat");
  console.log("Resident memory over repetitions, MiB:");
  console.table(rows.map(({ samples: _, ...row }) => row));
  return { rows, met: rows.every(({ growthPercent }) => growthPercent < MOST_GROWTH_PERCENT) };
}

function measureLong(): { rows: (LongRun & { recording: string })[]; met: boolean } {
  const folder = mkdtempSync(path.join(os.tmpdir(), "agora-memory-"));
  try {
    const call = path.join(root, "samples", "long-call-en.flac");
    const rows = ["call.wav", "call.mp3"].map((name) => {
      const file = path.join(folder, name);
      const looped = ["-stream_loop", "-1", "-i", call, "-t", String(THREE_HOURS), file];
      execFileSync("ffmpeg", ["-nostdin", "-v", "error", ...looped]);
      const row = { recording: `3 h ${path.extname(name).slice(1)}`, ...measure<LongRun>("long", file) };
      rmSync(file);
      return row;
    });
    console.log("Three hours:");
    console.table(rows);
    return { rows, met: rows.every(({ peakMiB }) => peakMiB < MOST_PEAK_MIB) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const only = process.argv[2];
const repeat = only === "long" ? undefined : measureRepeat();
const long = only === "repeat" ? undefined : measureLong();
mkdirSync(path.join(root, "build", "bench"), { recursive: true });
writeFileSync(
  path.join(root, "build", "bench", "memory.json"),
  JSON.stringify({ cpu: os.cpus()[0]?.model, node: process.version, repeat, long }, null, 2),
);
const met = [repeat, long].every((result) => result?.met ?? true);
console.log(
  `${met ? "Met" : "MISSED"}: growth under ${MOST_GROWTH_PERCENT} %, peak under ${MOST_PEAK_MIB} MiB`,
);
process.exitCode = met ? 0 : 1;
