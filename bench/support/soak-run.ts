import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { readMetrics } from "../../test/support/metrics.js";
import { seededRandom } from "../../test/support/random.js";
import type { Ended, SendOptions } from "./calls.js";
import { type AnyCaller, type Door, HOSTS, openCaller, waysOf } from "./doors.js";
import { LOADER } from "./server-process.js";
import { shortFiles } from "./short-files.js";

export interface SoakOptions {
  port: number;
  /** Of HTTP, which half of the calls go to; 0: none do. */
  httpPort: number;
  metricsPort: number;
  pid: number;
  /** Seconds of disorder, in all. */
  seconds: number;
  /** Parts that they are divided into, after each of which nothing is asked until the server is at rest. Default 0: none. */
  rounds?: number;
  /** Calls that go on at once. */
  lanes: number;
  seed: number;
  /** Recordings to send; default: all of {@link shortFiles}. */
  files?: Buffer[];
  onSample?: (sample: Sample) => void;
}

/** The server at one moment of the disorder. */
export interface Sample {
  seconds: number;
  residentMiB: number;
  openFiles: number;
  openCalls: number;
}

export interface SoakReport {
  calls: number;
  /** How calls ended: the door, name of the mischief, and status or "text". */
  endings: Record<string, number>;
  /** Calls that nothing was done to and that were not answered with the right text. */
  wrong: string[];
  /** Calls that blame a killed decoder and had none, or none was killed meanwhile; and more of them than were killed. */
  misled: string[];
  /** Decoders that were killed. */
  kills: number;
  /** Calls that had not ended long after the disorder. */
  unanswered: number;
  samples: Sample[];
  /** The server at rest after each round: nothing is asked, and it has given back what it gives back by itself. */
  rests: Sample[];
  /** The server when nothing is asked: before and after it all. */
  before: Sample;
  after: Sample;
  /** What the server's metrics say is left: open calls, waiting requests, busy workers, windows in the engine, jobs. */
  left: Record<string, number>;
  /** Decoder processes that the server still has. */
  decoders: number;
}

/** Milliseconds that calls get to end after the disorder, and the server to settle. */
const PATIENCE = 60_000;
const SAMPLE_EVERY = 5000;
/** Milliseconds without a call after which the server has given memory back: it begins that after five seconds. */
const REST = 10_000;
const MIB = 1024 * 1024;

/** Metrics of what the server holds. */
const TELLING = [
  "agora_open_calls",
  "agora_workers_busy",
  "agora_budget_used_bytes",
  "agora_queue_length",
  "agora_batch_windows",
  "agora_jobs",
];

/** What may happen to a call. */
type Mischief =
  | "none"
  | "cancel"
  | "deadline"
  | "bad file"
  | "bad option"
  | "disconnect"
  | "slow"
  | "silent"
  | "noise"
  | "cut"
  | "killed"
  | "frozen";
const MISCHIEFS: Mischief[] = [
  "none",
  "none",
  "none",
  "cancel",
  "cancel",
  "deadline",
  "bad file",
  "bad option",
  "disconnect",
  "slow",
  "silent",
  "noise",
  "cut",
  "killed",
  "frozen",
];

/** Calls of a client that is killed; those of gRPC are on one channel. */
const CALLS_OF_KILLED = 20;
/** Milliseconds that such a client hangs before it is killed, at most: above the server's patience with one that is silent. */
const FROZEN = 8000;
/** Milliseconds between two decoders that are killed, at most. */
const KILL_EVERY = 3000;
/** What calls may be told whose decoder was killed; never half a text. */
const DECODER_KILLED = /SIGKILL ended it/;
/** Clients of each door whose connections calls of all lanes share. */
const SHARED_CLIENTS = 2;

/** Where calls go, and the clients that they share there. */
interface Entrance {
  door: Door;
  port: number;
  shared: readonly AnyCaller[];
}

/**
 * Sends calls of all kinds to a server, most of which go wrong on purpose: cancelled, expired, damaged, cut off,
 * trickling or silent, of clients that are killed or hang, and with decoders that are killed. Those that are left alone must
 * be answered as they were before.
 */
export async function runSoak(options: SoakOptions): Promise<SoakReport> {
  const { port, httpPort, seconds, lanes, seed, pid, metricsPort } = options;
  const files = options.files ?? shortFiles();
  const calm = openCaller("grpc", port);
  const entrance = (door: Door, port: number): Entrance => ({
    door,
    port,
    shared: Array.from({ length: SHARED_CLIENTS }, () => openCaller(door, port)),
  });
  const entrances = [entrance("grpc", port), ...(httpPort ? [entrance("http", httpPort)] : [])];
  const right = await Promise.all(files.map(async (file) => (await calm.send("v1 unary", file).ended).text));
  // What is opened for the first job stays open.
  await entrances.at(-1)!.shared[0]!.send(waysOf(entrances.at(-1)!.door).at(-1)!, files[0]!).ended;
  const startedAt = performance.now();
  const elapsed = () => (performance.now() - startedAt) / 1000;
  const sample = () => takeSample(metricsPort, elapsed());
  const before = await sample();
  const report = {
    calls: 0,
    endings: {} as Record<string, number>,
    wrong: [] as string[],
    misled: [] as string[],
    kills: 0,
    samples: [before],
    rests: [] as Sample[],
  };
  const pending = new Set<Promise<unknown>>();
  let blamed = 0;
  /** Second of the last decoder that was killed. */
  let lastKill = Number.NEGATIVE_INFINITY;

  const note = (door: Door, mischief: Mischief, file: number, begun: number, end: Ended): void => {
    const { status, text, message } = end;
    const isKilled = DECODER_KILLED.test(message ?? "");
    if (isKilled) blamed++;
    // A forged header may name a codec of the decoder's.
    const hasDecoder = mischief === "bad file" || !isWav(files[file]!);
    if (isKilled && !hasDecoder) report.misled.push(`${mischief}: WAV needs no decoder, but ${message}`);
    if (isKilled && lastKill < begun) report.misled.push(`${mischief}: none was killed, but ${message}`);
    const outcome = isKilled ? "decoder killed" : text === undefined ? `status ${status}` : "text";
    const ending = `${door} ${mischief}: ${outcome}`;
    report.endings[ending] = (report.endings[ending] ?? 0) + 1;
    const isRight = isKilled || (text !== undefined && text === right[file]);
    if ((mischief === "none" || mischief === "slow") && !isRight)
      report.wrong.push(`${door} ${mischief}: ${status} ${message ?? text}`);
  };
  const lane = async (chance: () => number, until: number): Promise<void> => {
    while (elapsed() < until) {
      const file = Math.floor(chance() * files.length);
      const mischief = MISCHIEFS[Math.floor(chance() * MISCHIEFS.length)]!;
      const entrance = entrances[Math.floor(chance() * entrances.length)]!;
      report.calls++;
      const begun = elapsed();
      const ended = misbehave(mischief, entrance, files[file]!, chance).then((end) =>
        note(entrance.door, mischief, file, begun, end),
      );
      pending.add(ended);
      await ended.finally(() => pending.delete(ended));
    }
  };
  const chance = seededRandom(seed);
  const killing = setInterval(() => {
    const decoders = decodersOf(pid);
    const one = decoders[Math.floor(chance() * decoders.length)];
    if (one === undefined) return;
    try {
      process.kill(one, "SIGKILL");
      report.kills++;
      lastKill = elapsed();
    } catch {
      // It has ended by itself.
    }
  }, KILL_EVERY);
  const timer = setInterval(async () => {
    const taken = await sample().catch(() => undefined);
    if (!taken) return;
    report.samples.push(taken);
    options.onSample?.(taken);
  }, SAMPLE_EVERY);
  const chances = Array.from({ length: lanes }, (_, i) => seededRandom(seed * 1000 + i));
  const disorder = async (forSeconds: number): Promise<void> => {
    const until = elapsed() + forSeconds;
    await Promise.race([
      Promise.all(chances.map((chance) => lane(chance, until))),
      new Promise((resolve) => setTimeout(resolve, forSeconds * 1000 + PATIENCE).unref()),
    ]);
  };
  const { rounds = 0 } = options;
  for (let round = 0; round < Math.max(1, rounds); round++) {
    await disorder(seconds / Math.max(1, rounds));
    if (rounds === 0) break;
    await settle(metricsPort);
    await new Promise((resolve) => setTimeout(resolve, REST));
    report.rests.push(await sample());
  }
  clearInterval(timer);
  clearInterval(killing);
  if (blamed > report.kills)
    report.misled.push(`${blamed} calls blame decoders that were killed, of ${report.kills}`);
  const unanswered = pending.size;
  const left = await settle(metricsPort);
  calm.close();
  for (const { shared } of entrances) for (const caller of shared) caller.close();
  const after = await sample();
  return { ...report, unanswered, before, after, left, decoders: decodersOf(pid).length };
}

/** Makes one call, and does to it what it says. */
async function misbehave(
  mischief: Mischief,
  entrance: Entrance,
  file: Buffer,
  chance: () => number,
): Promise<Ended> {
  const { door, port, shared } = entrance;
  const ways = waysOf(door);
  const way = ways[Math.floor(chance() * ways.length)]!;
  if (mischief === "noise") return sendNoise(entrance, chance);
  if (mischief === "disconnect") return disconnect(entrance, way, file, chance);
  if (mischief === "killed" || mischief === "frozen")
    return killClient(entrance, file, chance, mischief === "frozen");
  // Half of the calls share their connections with those that others cancel.
  const own = chance() < 0.5 ? openCaller(door, port) : undefined;
  const caller = own ?? shared[Math.floor(chance() * shared.length)]!;
  const send: SendOptions = {};
  let bytes = file;
  if (mischief === "deadline") send.deadline = 1 + 1000 * chance();
  if (mischief === "bad file") bytes = damaged(file, chance);
  if (mischief === "cut") bytes = file.subarray(0, Math.floor(chance() * file.length));
  if (mischief === "bad option") send.options = { beam_size: 9, language: "klingon", temperatures: [-1] };
  if (mischief === "slow") Object.assign(send, { chunk: 16 * 1024, pause: 5 });
  if (mischief === "silent") send.silent = true;
  const call = caller.send(way, bytes, send);
  const timer =
    mischief === "cancel" || mischief === "silent" ? setTimeout(call.cancel, 1500 * chance()) : undefined;
  const ended = await call.ended;
  clearTimeout(timer);
  own?.close();
  return ended;
}

/**
 * A client in a process of its own, with many calls at once, that is ended by SIGKILL.
 * @param hangs whether it is stopped for a while before: its connection stays, and nobody reads
 */
async function killClient(
  { door, port }: Entrance,
  file: Buffer,
  chance: () => number,
  hangs: boolean,
): Promise<Ended> {
  const program = fileURLToPath(new URL("./killed-client.ts", import.meta.url));
  const args = ["--import", LOADER, program, door, String(port), String(CALLS_OF_KILLED)];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "ignore"] });
  const ended = once(child, "exit");
  child.stdin.on("error", () => {});
  child.stdin.end(file);
  // It says when its calls are under way.
  await Promise.race([once(child.stdout, "data"), ended]);
  await new Promise((resolve) => setTimeout(resolve, 1500 * chance()));
  if (hangs) {
    child.kill("SIGSTOP");
    await new Promise((resolve) => setTimeout(resolve, FROZEN * chance()));
  }
  child.kill("SIGKILL");
  await ended;
  return { status: -1 };
}

/** A file that was cut, overwritten, or never was one. */
function damaged(file: Buffer, chance: () => number): Buffer {
  const kind = Math.floor(chance() * 5);
  if (kind === 0) return file.subarray(0, Math.floor(chance() * 60));
  if (kind === 1) return Buffer.from("PK\x03\x04 and so on");
  if (kind === 2) return Buffer.alloc(0);
  if (kind === 3) return Buffer.from(Array.from({ length: 4000 }, () => Math.floor(chance() * 256)));
  const forged = Buffer.from(file);
  for (let i = 0; i < 8; i++) forged[Math.floor(chance() * 44)] = Math.floor(chance() * 256);
  return forged;
}

/** A call whose connection breaks. */
async function disconnect(
  { door, port }: Entrance,
  way: string,
  file: Buffer,
  chance: () => number,
): Promise<Ended> {
  const sockets: Socket[] = [];
  const proxy = createServer((inbound) => {
    const outbound = connect(port, HOSTS[door]);
    sockets.push(inbound, outbound);
    for (const socket of [inbound, outbound]) socket.on("error", () => {});
    inbound.pipe(outbound).pipe(inbound);
  });
  await new Promise<void>((resolve) => proxy.listen(0, HOSTS[door], resolve));
  const caller = openCaller(door, (proxy.address() as AddressInfo).port);
  const call = caller.send(way, file);
  const cut = () => {
    proxy.close();
    for (const socket of sockets) socket.destroy();
    // Nobody is there for a second attempt.
    call.cancel();
  };
  const timer = setTimeout(cut, 1500 * chance());
  const ended = await call.ended;
  clearTimeout(timer);
  caller.close();
  cut();
  return ended;
}

/** Bytes that are no HTTP of any version. */
function sendNoise({ door, port }: Entrance, chance: () => number): Promise<Ended> {
  return new Promise((resolve) => {
    const socket = connect(port, HOSTS[door]);
    socket.on("error", () => {});
    socket.once("close", () => resolve({ status: -1 }));
    socket.resume().end(Buffer.from(Array.from({ length: 500 }, () => Math.floor(chance() * 256))));
    setTimeout(() => socket.destroy(), 1000).unref();
  });
}

function isWav(file: Buffer): boolean {
  return file.toString("latin1", 0, 4) === "RIFF";
}

/**
 * What of all calls is left, once as little is left as ever will be.
 * @throws Error where the server does not tell
 */
async function settle(metricsPort: number): Promise<Record<string, number>> {
  const until = performance.now() + PATIENCE;
  for (;;) {
    const metrics = await readMetrics(metricsPort);
    const left = Object.fromEntries(
      [...metrics].filter(([name]) => TELLING.includes(name.replace(/\{.*/s, ""))),
    );
    for (const name of TELLING)
      if (!Object.keys(left).some((each) => each.startsWith(name)))
        throw new Error(`No metric is called ${name}`);
    if (Object.values(left).every((value) => value === 0) || performance.now() > until) return left;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function takeSample(metricsPort: number, seconds: number): Promise<Sample> {
  const metrics = await readMetrics(metricsPort);
  return {
    seconds: Math.round(seconds),
    residentMiB: Math.round(metrics.get("process_resident_memory_bytes")! / MIB),
    openFiles: metrics.get("process_open_fds")!,
    openCalls: metrics.get("agora_open_calls")!,
  };
}

/** Processes of decoders that a server has. */
function decodersOf(pid: number): number[] {
  const entries = readdirSync("/proc").filter((entry) => {
    try {
      const [, name, parent] = /^\d+ \((.*)\) \w (\d+)/.exec(readFileSync(`/proc/${entry}/stat`, "utf8"))!;
      return name === "ffmpeg" && Number(parent) === pid;
    } catch {
      return false;
    }
  });
  return entries.map(Number);
}
