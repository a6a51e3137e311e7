/**
 * One client process of bench/load.ts: keeps a number of calls open, each followed by the next, and prints what they
 * came to as JSON. Arguments: port, calls at once, seconds, number of the process, folder with the files.
 *
 * With `idle` for seconds: opens uploads that stop in the middle, prints "open", and gives them up when its input ends.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Door, openCaller } from "./doors.js";
import { secondsOf } from "./short-files.js";

export interface LoadReport {
  /** Unix time of the first call's beginning and of the last one's end, milliseconds. */
  from: number;
  to: number;
  /** Milliseconds of each call that was answered. */
  latencies: number[];
  audioSeconds: number;
  failures: string[];
  /** Texts by file: more than one is one too many. */
  texts: Record<string, string[]>;
}

const LOAD_WAYS: Record<Door, readonly string[]> = {
  grpc: ["v1 unary", "v1 stream", "v2 unary", "v2 events"],
  http: ["http form", "http chunked", "http inference", "http events"],
};
const SILENT: Record<Door, string> = { grpc: "v1 stream", http: "http chunked" };
type Arguments = [Door, string, string, string, string, string];
const [door, port, calls, seconds, number, folder] = process.argv.slice(2) as Arguments;
const caller = openCaller(door, Number(port));

async function load(): Promise<LoadReport> {
  const names = readdirSync(folder).sort();
  const files = names.map((name) => readFileSync(join(folder, name)));
  const report: LoadReport = {
    from: Date.now(),
    to: 0,
    latencies: [],
    audioSeconds: 0,
    failures: [],
    texts: {},
  };
  const until = performance.now() + Number(seconds) * 1000;
  const one = async (lane: number): Promise<void> => {
    for (let i = lane; performance.now() < until; i += 7) {
      const at = i % files.length;
      const ways = LOAD_WAYS[door];
      const way = ways[(i + lane) % ways.length]!;
      const started = performance.now();
      const { status, text, message } = await caller.send(way, files[at]!).ended;
      const elapsed = performance.now() - started;
      if (text === undefined) {
        report.failures.push(`${way}: ${status} ${message}`);
        continue;
      }
      report.latencies.push(elapsed);
      report.audioSeconds += secondsOf(files[at]!);
      const texts = report.texts[names[at]!] ?? [];
      if (!texts.includes(text)) report.texts[names[at]!] = [...texts, text];
    }
  };
  await Promise.all(Array.from({ length: Number(calls) }, (_, i) => one(Number(number) * 31 + i)));
  report.to = Date.now();
  return report;
}

async function idle(): Promise<void> {
  const silent = Array.from({ length: Number(calls) }, () =>
    caller.send(SILENT[door], Buffer.alloc(1000), { silent: true }),
  );
  process.stdout.write("open\n");
  await new Promise((resolve) => process.stdin.once("end", resolve).resume());
  for (const call of silent) call.cancel();
  await Promise.all(silent.map((call) => call.ended));
}

if (seconds === "idle") await idle();
else process.stdout.write(JSON.stringify(await load()));
caller.close();
