/**
 * The server under load, with the demo model and the settings' defaults: 1, 8, 32 and 128 calls at once of short
 * recordings in two languages, in every way of both contracts, from client processes; then 200 streams that say
 * nothing.
 *
 *   npm run bench:load [seconds per level]
 *
 * Fair share is the time that a call would take if all calls at once were served alike: calls at once / throughput.
 * CPU time is the server's alone; on a busy machine compare what it came to, not the clock. Settings of the
 * environment hold (SERVER_MAX_WORKERS, MODEL_BATCH_SIZE, …). Results go to build/bench/load.json; the exit code tells
 * whether the targets were met.
 */
import { execFile, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { readMetrics } from "../test/support/metrics.js";
import type { LoadReport } from "./support/load-client.js";
import { LOADER, type ServerProcess, startServerProcess } from "./support/server-process.js";
import { shortFiles } from "./support/short-files.js";

const LEVELS = [1, 8, 32, 128];
const MOST_PROCESSES = 4;
const IDLE_STREAMS = 200;
const SAMPLE_EVERY_MS = 250;
const MIB = 1024 * 1024;
/** Throughput at 32 against 1, that at 128 against 32, p99 in fair shares, and MiB of idle streams. */
const TARGETS = { speedUp: 1.5, kept: 0.95, p99: 2, idleMiB: 100 };

interface Level {
  calls: number;
  answered: number;
  failures: number;
  callsPerSecond: number;
  /** Seconds of audio per second, and per second of the server's CPU time. */
  audioPerSecond: number;
  audioPerCpuSecond: number;
  p50: number;
  p95: number;
  p99: number;
  /** p99 / fair share. */
  p99Shares: number;
  /** Mean windows in the batch. */
  batch: number;
  /** Highest resident memory of the server, MiB. */
  peakMiB: number;
}

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const client = path.join(root, "bench", "support", "load-client.ts");
const seconds = Number(process.argv[2] ?? 20);
const texts = new Map<string, Set<string>>();

async function measure(
  server: ServerProcess,
  calls: number,
  forSeconds: number,
  folder: string,
): Promise<Level> {
  const processes = Math.min(calls, MOST_PROCESSES);
  const before = await readMetrics(server.metricsPort);
  const watch = watchServer(server);
  const reports = await Promise.all(
    Array.from({ length: processes }, async (_, i) => {
      const share = Math.floor(calls / processes);
      const args = [server.port, share, forSeconds, i, folder].map(String);
      const { stdout } = await promisify(execFile)(process.execPath, ["--import", LOADER, client, ...args], {
        maxBuffer: 64 * MIB,
      });
      return JSON.parse(stdout) as LoadReport;
    }),
  );
  const from = Math.min(...reports.map((report) => report.from));
  const elapsed = (Math.max(...reports.map((report) => report.to)) - from) / 1000;
  const { batch, peakMiB } = watch.stop();
  const after = await readMetrics(server.metricsPort);
  const failures = reports.flatMap((report) => report.failures);
  for (const failure of new Set(failures)) console.error(`  ${failure}`);
  for (const report of reports)
    for (const [file, found] of Object.entries(report.texts))
      for (const text of found) texts.set(file, (texts.get(file) ?? new Set()).add(text));
  const latencies = reports.flatMap((report) => report.latencies).sort((a, b) => a - b);
  const audio = reports.reduce((sum, report) => sum + report.audioSeconds, 0);
  const cpu = after.get("process_cpu_seconds_total")! - before.get("process_cpu_seconds_total")!;
  // Clients stop asking after `forSeconds`; what was asked until then is answered later.
  const callsPerSecond = latencies.length / elapsed;
  const percentile = (p: number) => (latencies[Math.ceil(p * latencies.length) - 1] ?? Number.NaN) / 1000;
  return {
    calls,
    answered: latencies.length,
    failures: failures.length,
    callsPerSecond: round(callsPerSecond),
    audioPerSecond: round(audio / elapsed),
    audioPerCpuSecond: round(audio / cpu),
    p50: round(percentile(0.5)),
    p95: round(percentile(0.95)),
    p99: round(percentile(0.99)),
    p99Shares: round((percentile(0.99) * callsPerSecond) / calls),
    batch,
    peakMiB,
  };
}

/** Looks at the server now and then. */
function watchServer({ metricsPort }: ServerProcess): { stop(): Pick<Level, "batch" | "peakMiB"> } {
  const running: number[] = [];
  let peak = 0;
  const timer = setInterval(async () => {
    const metrics = await readMetrics(metricsPort);
    running.push(metrics.get('agora_batch_windows{state="running"}') ?? 0);
    peak = Math.max(peak, metrics.get("process_resident_memory_bytes")!);
  }, SAMPLE_EVERY_MS);
  return {
    stop: () => {
      clearInterval(timer);
      const mean = running.reduce((sum, windows) => sum + windows, 0) / running.length;
      return { batch: round(mean), peakMiB: Math.round(peak / MIB) };
    },
  };
}

/** MiB that the server grows by for streams that say nothing. */
async function measureIdle(server: ServerProcess): Promise<number> {
  const resident = async () => (await readMetrics(server.metricsPort)).get("process_resident_memory_bytes")!;
  const before = await resident();
  const args = [server.port, IDLE_STREAMS, "idle", 0, ""].map(String);
  const child = spawn(process.execPath, ["--import", LOADER, client, ...args], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  await new Promise((resolve) => child.stdout.once("data", resolve));
  while ((await readMetrics(server.metricsPort)).get("agora_open_calls")! < IDLE_STREAMS)
    await new Promise((resolve) => setTimeout(resolve, 50));
  const grown = (await resident()) - before;
  child.stdin.end();
  await ended;
  return round(grown / MIB);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

const folder = mkdtempSync(path.join(os.tmpdir(), "agora-load-"));
for (const [i, file] of shortFiles().entries())
  writeFileSync(path.join(folder, `${String(i).padStart(2, "0")}.wav`), file);

const idleServer = await startServerProcess();
const idleMiB = await measureIdle(idleServer);
await idleServer.stop();

const server = await startServerProcess();
const levels: Level[] = [];
try {
  await measure(server, 8, Math.min(3, seconds), folder);
  for (const calls of LEVELS) levels.push(await measure(server, calls, seconds, folder));
} finally {
  await server.stop();
  rmSync(folder, { recursive: true });
}

const at = (calls: number) => levels.find((level) => level.calls === calls)!;
const unstable = [...texts.values()].filter((found) => found.size > 1).length;
const checks = {
  [`throughput at 32 is ${TARGETS.speedUp}× that at 1`]:
    at(32).callsPerSecond >= TARGETS.speedUp * at(1).callsPerSecond,
  "throughput does not fall from 32 to 128": at(128).callsPerSecond >= TARGETS.kept * at(32).callsPerSecond,
  [`p99 is within ${TARGETS.p99} fair shares`]: levels.every(({ p99Shares }) => p99Shares <= TARGETS.p99),
  "no call fails": levels.every(({ failures }) => failures === 0),
  "each file has one text at every load": unstable === 0,
  [`${IDLE_STREAMS} idle streams cost under ${TARGETS.idleMiB} MiB`]: idleMiB < TARGETS.idleMiB,
};
console.log("Calls at once; times in seconds, memory of the server in MiB:");
console.table(levels);
console.log(`${IDLE_STREAMS} idle streams: ${idleMiB} MiB. Files with more than one text: ${unstable}.`);
for (const [check, isMet] of Object.entries(checks)) console.log(`${isMet ? "met   " : "MISSED"} ${check}`);
mkdirSync(path.join(root, "build", "bench"), { recursive: true });
writeFileSync(
  path.join(root, "build", "bench", "load.json"),
  JSON.stringify(
    {
      cpu: os.cpus()[0]?.model,
      cores: os.availableParallelism(),
      node: process.version,
      seconds,
      levels,
      idleMiB,
      checks,
    },
    null,
    2,
  ),
);
process.exitCode = Object.values(checks).every(Boolean) ? 0 : 1;
