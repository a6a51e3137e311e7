/**
 * Throughput with a busy process of two threads on the same two cores, against throughput without it: the batched
 * engine, whisper.cpp's decoder as this package runs it, and whisper.cpp's own `whisper-cli`. A fair share is 50 %.
 *
 *   npm run bench:contention [runs]
 *
 * Results go to build/bench/contention.json; the exit code tells whether the batched engine reached its target.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { SAMPLE_RATE } from "../src/types/audio.js";
import { sampleAudio } from "../test/support/samples.js";
import { buildPeer } from "./support/native-builds.js";
import { runWhisperCli } from "./support/whisper-cli.js";

const TARGET_PERCENT = 40;
const CORES = "0,1";
const THREADS = 2;
/** Recordings of 48 s in one measurement: shares of a core even out over seconds, not over tenths of one. */
const COPIES = 16;

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const model = path.join(root, "models", "agora-demo-q8_0.bin");
const loader = path.join(root, "test", "support", "typescript-loader.mjs");
const program = path.join(root, "bench", "support", "contention-run.ts");
const pinned = ["taskset", "-c", CORES];

/** Seconds of audio per second. */
type Measure = () => number;

function ours(implementation: string): Measure {
  return () => {
    const node = [process.execPath, "--import", loader, program];
    const [command = "", ...args] = [...pinned, ...node, implementation, model, `${THREADS}`, `${COPIES}`];
    const output = execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
    const { seconds, audioSeconds } = JSON.parse(output) as { seconds: number; audioSeconds: number };
    return audioSeconds / seconds;
  };
}

/** Its time has the loading of the model in it, 17 MB, since its process has. */
function whisperCli(): Measure {
  const cli = buildPeer().cli;
  const call = Float32Array.from(sampleAudio("sales-call-en").samples, (value) => value / 32768);
  const samples = new Float32Array(call.length * COPIES);
  for (let i = 0; i < COPIES; i++) samples.set(call, i * call.length);
  return () => {
    const start = performance.now();
    runWhisperCli(cli, samples, { model, language: "en", threads: THREADS, prefix: pinned });
    return samples.length / SAMPLE_RATE / ((performance.now() - start) / 1000);
  };
}

/** A process with two threads that do nothing but keep the cores busy. */
async function startBusyProcess(): Promise<ChildProcess> {
  const spin = `require("node:worker_threads").parentPort.postMessage(0); for (;;);`;
  const script = `
    const { Worker } = require("node:worker_threads");
    let spinning = 0;
    for (let i = 0; i < 2; i++) {
      const worker = new Worker(${JSON.stringify(spin)}, { eval: true });
      worker.once("message", () => { if (++spinning === 2) process.stdout.write("ready"); });
    }`;
  const [command = "", ...args] = [...pinned, process.execPath, "-e", script];
  const busy = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  await once(busy.stdout!, "data");
  return busy;
}

async function besideBusyProcess(measure: Measure): Promise<number> {
  const busy = await startBusyProcess();
  try {
    return measure();
  } finally {
    busy.kill("SIGKILL");
    await once(busy, "exit");
  }
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}

const runs = Number(process.argv[2] ?? 3);
const measures: Record<string, Measure> = {
  whisper: ours("whisper"),
  "whisper-cpp": ours("whisper-cpp"),
  "whisper-cli": whisperCli(),
};
const rows = [];
for (const [name, measure] of Object.entries(measures)) {
  const alone: number[] = [];
  const contended: number[] = [];
  for (let i = 0; i < runs; i++) {
    alone.push(measure());
    contended.push(await besideBusyProcess(measure));
  }
  const [free, shared] = [median(alone), median(contended)];
  rows.push({
    implementation: name,
    alone: Number(free.toFixed(1)),
    contended: Number(shared.toFixed(1)),
    "kept %": Number(((100 * shared) / free).toFixed(1)),
  });
}

console.log(
  "Seconds of audio per second, alone and beside a busy process of two threads on the same two cores:",
);
console.table(rows);
mkdirSync(path.join(root, "build", "bench"), { recursive: true });
writeFileSync(
  path.join(root, "build", "bench", "contention.json"),
  JSON.stringify({ cpu: os.cpus()[0]?.model, cores: CORES, threads: THREADS, runs, rows }, null, 2),
);
const met = rows[0]!["kept %"] >= TARGET_PERCENT;
console.log(`${met ? "Met" : "MISSED"}: whisper keeps at least ${TARGET_PERCENT} %`);
process.exitCode = met ? 0 : 1;
