/**
 * The server under load, with the demo model and the settings' defaults: 1, 8, 32 and 128 calls at once of short
 * recordings in two languages, through each door in every way of it, from client processes; then 200 uploads that stop in
 * the middle. And what the doors cost: CPU time of a call with an engine that answers at once, through each door and
 * without one, against that of a call with the demo model, which is far smaller than any that is used, and with those that
 * are named.
 *
 *   npm run bench:load [seconds per level]
 *   npm run bench:load -- 2 --cost                         what the doors cost, and nothing else
 *   npm run bench:load -- 2 --cost --model ggml-base.bin   beside that model, too; may be given more than once
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
import { parseArgs, promisify } from "node:util";
import { readMetrics } from "../test/support/metrics.js";
import type { Door } from "./support/doors.js";
import { type InstantRun, startInstantServer } from "./support/instant-engine.js";
import type { LoadReport } from "./support/load-client.js";
import { LOADER, type ServerProcess, startServerProcess } from "./support/server-process.js";
import { shortFiles } from "./support/short-files.js";

const LEVELS = [1, 8, 32, 128];
const MOST_PROCESSES = 4;
const DOORS: readonly Door[] = ["grpc", "http"];
/** Calls at once where the doors' cost is measured. */
const COST_CALLS = 16;
/** Seconds of calls before that: a server has compiled what it runs all the time. */
const WARM_UP = 8;
const IDLE_STREAMS = 200;
const SAMPLE_EVERY_MS = 250;
const MIB = 1024 * 1024;
/** Throughput at 32 against 1, that at 128 against 32, p99 in fair shares, MiB of idle uploads, and a door's part of a call. */
const TARGETS = { speedUp: 1.5, kept: 0.95, p99: 2, idleMiB: 100, doorPercent: 3 };

interface Level {
  door: Door;
  calls: number;
  answered: number;
  failures: number;
  callsPerSecond: number;
  /** Seconds of audio per second, and per second of the server's CPU time. */
  audioPerSecond: number;
  audioPerCpuSecond: number;
  /** Milliseconds of the server's CPU time. */
  cpuPerCall: number;
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
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    cost: { type: "boolean", default: false },
    model: { type: "string", multiple: true, default: [] },
  },
});
const seconds = Number(positionals[0] ?? 20);
const levelsToRun = values.cost ? [] : LEVELS;
const texts = new Map<string, Set<string>>();
let stable = false;
const BOTH = { SERVER_HTTP: "true" };

async function measure(
  server: ServerProcess,
  door: Door,
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
      const args = [door, portOf(server, door), share, forSeconds, i, folder].map(String);
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
    door,
    calls,
    answered: latencies.length,
    failures: failures.length,
    callsPerSecond: round(callsPerSecond),
    audioPerSecond: round(audio / elapsed),
    audioPerCpuSecond: round(audio / cpu),
    cpuPerCall: round((cpu * 1000) / latencies.length),
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

function portOf({ httpPort, port }: ServerProcess, door: Door): number {
  return door === "http" ? httpPort : port;
}

/** MiB that a server grows by for uploads that stop in the middle. */
async function measureIdle(door: Door): Promise<number> {
  const server = await startServerProcess(BOTH);
  const resident = async () => (await readMetrics(server.metricsPort)).get("process_resident_memory_bytes")!;
  const before = await resident();
  const args = [door, portOf(server, door), IDLE_STREAMS, "idle", 0, ""].map(String);
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
  await server.stop();
  return round(grown / MIB);
}

type PerDoor = Record<Door, number>;

/** Milliseconds of CPU time of a call with a model, at {@link COST_CALLS} calls at once. */
async function measureTranscriptions(
  server: ServerProcess,
  folder: string,
  forSeconds: number,
): Promise<PerDoor> {
  const found: PerDoor = { grpc: 0, http: 0 };
  for (const door of DOORS)
    found[door] = (await measure(server, door, COST_CALLS, forSeconds, folder)).cpuPerCall;
  return found;
}

/** Milliseconds of CPU time of a call without a model: without a door, and what each door adds. */
async function measureDoors(
  folder: string,
  forSeconds: number,
): Promise<{ withoutDoor: number; added: PerDoor }> {
  const program = path.join(root, "bench", "support", "instant-library.ts");
  const args = ["--import", LOADER, program, COST_CALLS, WARM_UP, forSeconds, folder].map(String);
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const { calls, cpuSeconds } = JSON.parse(stdout) as InstantRun;
  const withoutDoor = (cpuSeconds * 1000) / calls;
  const server = await startInstantServer(BOTH);
  const added: PerDoor = { grpc: 0, http: 0 };
  try {
    for (const door of DOORS) {
      await measure(server, door, COST_CALLS, WARM_UP, folder);
      const { cpuPerCall } = await measure(server, door, COST_CALLS, forSeconds, folder);
      added[door] = round(cpuPerCall - withoutDoor);
    }
  } finally {
    await server.stop();
  }
  return { withoutDoor: round(withoutDoor), added };
}

/** What a door does for a call beside a model, in milliseconds of CPU time and percent of a transcription. */
interface Cost {
  model: string;
  door: Door;
  transcription: number;
  milliseconds: number;
  percent: number;
}

function costsOf(model: string, calls: PerDoor, added: PerDoor): Cost[] {
  return DOORS.map((door) => {
    const milliseconds = added[door];
    const transcription = round(calls[door] - milliseconds);
    const percent = round((100 * milliseconds) / transcription);
    return { model, door, transcription, milliseconds, percent };
  });
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

const folder = mkdtempSync(path.join(os.tmpdir(), "agora-load-"));
for (const [i, file] of shortFiles().entries())
  writeFileSync(path.join(folder, `${String(i).padStart(2, "0")}.wav`), file);

const idleMiB: Record<Door, number> = values.cost
  ? { grpc: 0, http: 0 }
  : { grpc: await measureIdle("grpc"), http: await measureIdle("http") };

const server = await startServerProcess(BOTH);
const levels: Level[] = [];
let doors: Awaited<ReturnType<typeof measureDoors>>;
const costs: Cost[] = [];
try {
  for (const door of DOORS) {
    await measure(server, door, 8, Math.min(3, seconds), folder);
    for (const calls of levelsToRun) levels.push(await measure(server, door, calls, seconds, folder));
  }
  const ofDemo = await measureTranscriptions(server, folder, seconds);
  const unstable = [...texts.values()].filter((found) => found.size > 1).length;
  console.log(`Files with more than one text: ${unstable}.`);
  stable = unstable === 0;
  await server.stop();
  doors = await measureDoors(folder, seconds);
  costs.push(...costsOf("demo", ofDemo, doors.added));
  for (const model of values.model) {
    const other = await startServerProcess({ ...BOTH, MODEL_NAME: model });
    try {
      await measure(other, "http", COST_CALLS, 1, folder);
      const calls = await measureTranscriptions(other, folder, seconds);
      costs.push(...costsOf(path.basename(model), calls, doors.added));
    } finally {
      await other.stop();
    }
  }
} finally {
  await server.stop();
  rmSync(folder, { recursive: true });
}

const at = (door: Door, calls: number) =>
  levels.find((level) => level.door === door && level.calls === calls)!;
const ofLevels = values.cost
  ? {}
  : Object.fromEntries(
      DOORS.flatMap((door) => [
        [
          `${door}: throughput at 32 is ${TARGETS.speedUp}× that at 1`,
          at(door, 32).callsPerSecond >= TARGETS.speedUp * at(door, 1).callsPerSecond,
        ],
        [
          `${door}: throughput does not fall from 32 to 128`,
          at(door, 128).callsPerSecond >= TARGETS.kept * at(door, 32).callsPerSecond,
        ],
        [
          `${door}: ${IDLE_STREAMS} idle uploads cost under ${TARGETS.idleMiB} MiB`,
          idleMiB[door] < TARGETS.idleMiB,
        ],
      ]),
    );
const checks: Record<string, boolean> = {
  ...ofLevels,
  [`p99 is within ${TARGETS.p99} fair shares`]: levels.every(({ p99Shares }) => p99Shares <= TARGETS.p99),
  "no call fails": levels.every(({ failures }) => failures === 0),
  "each file has one text at every load, through both doors": stable,
  ...Object.fromEntries(
    costs.map(({ door, model, percent }) => [
      `${door} costs under ${TARGETS.doorPercent} % of a transcription with ${model}`,
      percent < TARGETS.doorPercent,
    ]),
  ),
};
console.log(
  "Calls at once; times in seconds, CPU time of a call in milliseconds, memory of the server in MiB:",
);
console.table(levels);
console.log(`${IDLE_STREAMS} idle uploads, MiB:`, idleMiB);
console.log(
  `CPU time of a call at ${COST_CALLS} at once, in milliseconds: ${doors.withoutDoor} with an engine that answers at once and ` +
    "without a door; what the doors add to that, beside transcriptions:",
);
console.table(costs);
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
      withoutDoor: doors.withoutDoor,
      costs,
      checks,
    },
    null,
    2,
  ),
);
process.exitCode = Object.values(checks).every(Boolean) ? 0 : 1;
