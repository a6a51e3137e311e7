/**
 * Workers on a queue in Redis, each on a core of its own, with the demo model: what two do against one, where processor time goes
 * beside them, and how long jobs wait that come at random to two, against what bench/queueing.ts says of the same.
 *
 *   npm run bench:scale [jobs] [-- --model base --file call.wav --upload --postgres postgres://…]
 *
 * Needs redis-server and taskset, an idle machine, and two cores. The target: two workers do at least 0.95 of twice what one does.
 * A worker with a core is compared with another: cores of one processor share its caches and its clock, which is the machine's part.
 * The server, Redis and this bench have to share two cores with the workers, and would not where there are more machines. So jobs are of
 * a recording that is kept; --upload has each bring its own, which takes the server some ms a megabyte, and is told, too.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { freePort } from "./support/free-port.js";
import { quantile, randomArrivals, simulate } from "./support/queueing.js";

const TARGET = 0.95;
/** Milliseconds between two looks for whether all is done. */
const LOOK_EVERY = 500;
/** Of what two workers can do, what comes at random. */
const BUSY = 0.7;
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    model: { type: "string", default: "demo" },
    file: { type: "string", default: path.join(root, "samples", "long-call-en.flac") },
    postgres: { type: "string" },
    upload: { type: "boolean", default: false },
  },
});
const jobs = Number(positionals[0] ?? 40);
const recording = readFileSync(values.file);
const folder = mkdtempSync(path.join(tmpdir(), "agora-scale-"));
const children: ChildProcess[] = [];
/** Id of the recording that jobs are of. */
let kept = "";

interface JobTimes {
  created: number;
  started: number;
  finished: number;
  duration: number;
}

try {
  const url = values.postgres ?? (await startRedis());
  const server = await startServer(url);
  kept = (await posted(`${server}/api/recordings`, { body: formOf() })).id;
  const [one, two] = [await throughput(url, server, 1), await throughput(url, server, 2)];
  const share = two / (2 * one);
  console.log(`one worker on a core:   ${one.toFixed(1)} s of audio a second`);
  console.log(
    `two workers on two:     ${two.toFixed(1)} s of audio a second, ${share.toFixed(3)} of twice that (target ${TARGET})`,
  );
  await compareWaiting(url, server, one);
  if (share < TARGET) process.exitCode = 1;
} finally {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}

/** Seconds of audio that workers do in a second, once each has done a job. */
async function throughput(url: string, server: string, count: number): Promise<number> {
  const workers = await startWorkers(url, count);
  // Their code is compiled, and their memory is there.
  await allEnded(server, await submitAll(server, 4 * count));
  const before = processorTimes(workers);
  const times = await allEnded(server, await submitAll(server, jobs));
  const spent = processorTimes(workers).map(({ name, seconds }, index) => {
    const each = (1000 * (seconds - before[index]!.seconds)) / jobs;
    return `${name} ${each.toFixed(1)}`;
  });
  console.log(`ms of processor time a job, ${count} at work: ${spent.join(", ")}`);
  await stopAll(workers);
  const span =
    Math.max(...times.map(({ finished }) => finished)) - Math.min(...times.map(({ started }) => started));
  return (1000 * times.reduce((sum, { duration }) => sum + duration, 0)) / span;
}

/** Seconds of processor time that each has had so far, all workers together. */
function processorTimes(workers: readonly ChildProcess[]): { name: string; seconds: number }[] {
  const others = children.filter((child) => !workers.includes(child) && child.exitCode === null);
  const named = others.map((child) => ({
    name: path.basename(child.spawnfile) === "redis-server" ? "Redis" : "server",
    seconds: secondsOf(child),
  }));
  const { system, user } = process.cpuUsage();
  return [
    { name: "workers", seconds: workers.reduce((sum, worker) => sum + secondsOf(worker), 0) },
    ...named,
    { name: "this bench", seconds: (system + user) / 1e6 },
  ];
}

function secondsOf({ pid }: ChildProcess): number {
  // After the program's name, which may hold anything: state, and utime and stime in ticks of 10 ms.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** How long jobs wait that come at random to two workers, and how long the simulation says. */
async function compareWaiting(url: string, server: string, speed: number): Promise<void> {
  const workers = await startWorkers(url, 2, { JOBS_MAX_RUNNING: "1" });
  const warm = await allEnded(server, await submitAll(server, 8));
  const { duration } = warm[0]!;
  const services = warm.map(({ finished, started }) => (finished - started) / 1000);
  const service = services.reduce((sum, each) => sum + each, 0) / services.length;
  const rate = (BUSY * 2) / service;
  const arrivals = randomArrivals(jobs, { rate, mean: duration, lengths: "fixed", seed: 7 });
  const start = Date.now();
  const ids: string[] = [];
  await Promise.all(
    arrivals.map(async ({ at }) => {
      await sleep(at * 1000);
      ids.push(await submit(server));
    }),
  );
  const times = await allEnded(server, ids);
  await stopAll(workers);
  const real = times.map(({ created, started }) => (started - created) / 1000);
  // What came when it did, and took what it took on the mean.
  const took =
    times.reduce((sum, { finished, started }) => sum + finished - started, 0) / times.length / 1000;
  const came = times
    .map(({ created }) => ({ at: (created - start) / 1000, duration }))
    .sort((a, b) => a.at - b.at);
  const simulated = simulate(came, { count: 2, concurrency: 1, speed: duration / took }).map(
    ({ at, started }) => started - at,
  );
  console.log(
    `\n${jobs} jobs at random, ${(rate * 3600).toFixed(0)} an hour, to two workers that take ${took.toFixed(2)} s for each (alone: ${(duration / speed).toFixed(2)} s)`,
  );
  console.log("| waiting | real | simulated |\n|---|---|---|");
  for (const [name, share] of [
    ["median", 0.5],
    ["90 %", 0.9],
    ["95 %", 0.95],
  ] as const)
    console.log(
      `| ${name} | ${quantile(real, share).toFixed(2)} s | ${quantile(simulated, share).toFixed(2)} s |`,
    );
}

async function startRedis(): Promise<string> {
  const port = await freePort();
  const args = ["--port", `${port}`, "--dir", folder, "--appendonly", "yes", "--save", ""];
  const redis = spawn("redis-server", args, { stdio: ["ignore", "pipe", "inherit"] });
  children.push(redis);
  await said(redis.stdout!, "Ready to accept connections");
  return `redis://127.0.0.1:${port}`;
}

function environment(url: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    QUEUE_URL: url,
    QUEUE_STORE: path.join(folder, "jobs"),
    RECORDINGS_STORE: path.join(folder, "recordings"),
    MODEL_NAME: values.model,
    MODEL_THREADS: "1",
    MODELS_SERVED: "none",
  };
}

async function startServer(url: string): Promise<string> {
  const port = await freePort();
  const server = start(["serve", "--no-grpc", "--http-port", `${port}`], environment(url));
  await said(server.stderr!, "Serving with");
  return `http://127.0.0.1:${port}`;
}

async function startWorkers(
  url: string,
  count: number,
  settings: Record<string, string> = {},
): Promise<ChildProcess[]> {
  const workers = Array.from({ length: count }, (_, core) =>
    start(["worker"], { ...environment(url), ...settings }, ["taskset", "-c", `${core}`]),
  );
  await Promise.all(workers.map((worker) => said(worker.stderr!, "Serving with")));
  return workers;
}

function start(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  before: readonly string[] = [],
): ChildProcess {
  const [program, ...rest] = [
    ...before,
    process.execPath,
    path.join(root, "dist", "cli", "main.js"),
    ...args,
  ];
  const child = spawn(program!, rest, { env, cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  children.push(child);
  return child;
}

async function stopAll(workers: readonly ChildProcess[]): Promise<void> {
  for (const worker of workers) worker.kill("SIGTERM");
  await Promise.all(workers.map((worker) => once(worker, "exit")));
}

async function said(stream: NodeJS.ReadableStream, text: string): Promise<void> {
  let output = "";
  await new Promise<void>((resolve, reject) => {
    stream.on("data", (piece: Buffer) => {
      output += piece;
      if (output.includes(text)) resolve();
    });
    stream.on("end", () => reject(new Error(`Nobody said ${text}: ${output}`)));
  });
}

function formOf(): FormData {
  const form = new FormData();
  form.append("file", new Blob([recording]), path.basename(values.file));
  return form;
}

/** Accepts a job, with its recording or of the one that is kept. */
async function submit(server: string): Promise<string> {
  const headers = { "content-type": "application/json" };
  const { id } = await posted(
    `${server}/v1/jobs`,
    values.upload ? { body: formOf() } : { body: JSON.stringify({ recording_id: kept }), headers },
  );
  return id;
}

async function posted(url: string, init: RequestInit): Promise<{ id: string }> {
  const response = await fetch(url, { method: "POST", ...init });
  const { error, id } = (await response.json()) as { id: string; error?: { message: string } };
  if (!response.ok) throw new Error(error?.message);
  return { id };
}

async function submitAll(server: string, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) ids.push(await submit(server));
  return ids;
}

/** Asks as seldom as can be: times are the jobs' own, and what is asked is done by the cores that are measured. */
async function allEnded(server: string, ids: readonly string[]): Promise<JobTimes[]> {
  const unfinished = `${server}/v1/jobs?status=queued,running&limit=1`;
  for (;;) {
    const { data } = (await (await fetch(unfinished)).json()) as { data: unknown[] };
    if (data.length === 0) break;
    await sleep(LOOK_EVERY);
  }
  const times: JobTimes[] = [];
  for (const id of ids) {
    const job = (await (await fetch(`${server}/v1/jobs/${id}`)).json()) as Record<string, string & number>;
    if (job.status !== ("succeeded" as never)) throw new Error(JSON.stringify(job.error));
    const [created, started, finished] = [job.created_at, job.started_at, job.finished_at].map((each) =>
      Date.parse(String(each)),
    ) as [number, number, number];
    times.push({ created, started, finished, duration: Number(job.duration) });
  }
  return times;
}
