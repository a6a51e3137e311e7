/**
 * Speed and word errors on real Whisper base beside faster-whisper (sequential, batched, a worker to a core; int8 and
 * float32) and whisper.cpp (f16 and q8_0), each with its own defaults but for the search, in turn on the same cores.
 *
 *   npm run bench:peers -- [--rows "5 beams,short"] [--programs "int8,q8_0"] [--rounds 3] [--threads 2] [--quick]
 *
 * Models and faster-whisper are made as bench:accuracy --real makes them. Prints Markdown, writes build/bench/peers.json,
 * and ends with 1 where a goal is missed: this package's fastest setting against the fastest of each peer, its word error
 * rate no more than 0.1 points above that one's. Takes an idle machine.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { prepareRealWhisper } from "../test/support/real-whisper-models.js";
import { FASTER_WHISPER, OURS, type Peer, startPeers, WHISPER_CPP } from "./peers/programs.js";
import { errorRate, type Workload, workloads } from "./peers/work.js";
import { alternate } from "./speed/alternate.js";

const BUILD = fileURLToPath(new URL("../build/bench", import.meta.url));
/** Points of word error rate. */
const MARGIN = 0.1;

interface Result {
  name: string;
  group: Peer["group"];
  /** Seconds of audio in a second, median. */
  speed: number;
  range: [number, number];
  errorRate: number;
}

const { values } = parseArgs({
  options: {
    rows: { type: "string", default: "" },
    programs: { type: "string", default: "" },
    rounds: { type: "string" },
    threads: { type: "string", default: String(os.availableParallelism()) },
    quick: { type: "boolean", default: false },
  },
});
const prepared = prepareRealWhisper(true);
if ("missing" in prepared) throw new Error(`No real Whisper models: ${prepared.missing}`);
const rows = chosen(await workloads(path.join(BUILD, "peers"), values.quick), values.rows);
const load = os.loadavg()[0]!;
const { peers: all, close } = await startPeers(prepared.models, Number(values.threads));
const peers = chosen(all, values.programs);
const report: { workload: string; results: Result[]; missed: string[] }[] = [];
try {
  for (const workload of rows) {
    const results = await measure(workload, Number(values.rounds ?? (values.quick ? 1 : 3)));
    const { lines, missed } = compare(workload, results);
    report.push({ workload: workload.name, results, missed });
    console.log(`\n${workload.name}:\n\n${table(results)}\n\n${lines.join("\n")}`);
  }
} finally {
  await close();
}
const missed = report.flatMap((row) => row.missed);
console.log(missed.length === 0 ? "\nEvery goal is met." : `\nGoals missed:\n  ${missed.join("\n  ")}`);
if (load > 0.5)
  console.log(`The machine was busy (load ${load.toFixed(2)}): these figures are worth little.`);
writeFileSync(
  path.join(BUILD, "peers.json"),
  JSON.stringify({ cpu: os.cpus()[0]?.model, threads: values.threads, load, report }, null, 2),
);
process.exitCode = missed.length === 0 ? 0 : 1;

/** Those with one of the words in their name; all without words. */
function chosen<T extends { name: string }>(entries: readonly T[], list: string): T[] {
  const words = list.split(",").filter((word) => word !== "");
  const found = entries.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
  if (found.length === 0) throw new Error(`Nothing has a name with ${list}`);
  return found;
}

async function measure(workload: Workload, rounds: number): Promise<Result[]> {
  const folder = path.join(BUILD, "peers");
  mkdirSync(folder, { recursive: true });
  const [file, first] = [path.join(folder, "work.json"), path.join(folder, "first.json")];
  writeFileSync(file, JSON.stringify(workload.work));
  const { recordings } = workload.work;
  const shortest = [{ ...recordings[0]!, path: path.join(folder, "0.wav") }];
  writeFileSync(first, JSON.stringify({ ...workload.work, recordings: shortest, atOnce: 1 }));
  const errors = new Map<string, number>();
  const entrants = peers.map((peer) => ({
    name: peer.name,
    group: peer.group,
    contends: true,
    run: async () => {
      // Memory is touched and graphs are built before.
      if (!errors.has(peer.name)) await peer.transcribe(first);
      const { seconds, texts } = await peer.transcribe(file);
      errors.set(peer.name, errorRate(workload, texts));
      console.error(`  ${peer.name}: ${seconds.toFixed(2)} s`);
      return workload.audioSeconds / seconds;
    },
  }));
  console.error(`${workload.name} …`);
  return [...(await alternate(entrants, rounds))].map(([{ name, group }, { median, min, max }]) => ({
    name,
    group: group as Peer["group"],
    speed: median,
    range: [min, max],
    errorRate: errors.get(name)!,
  }));
}

function compare({ name, goals }: Workload, results: readonly Result[]) {
  const fastest = (group: string) =>
    results.filter((each) => each.group === group).toSorted((a, b) => b.speed - a.speed)[0];
  const ours = fastest(OURS);
  const missed: string[] = [];
  const lines = (
    [
      [FASTER_WHISPER, goals.fasterWhisper],
      [WHISPER_CPP, goals.whisperCpp],
    ] as const
  ).flatMap(([group, goal]) => {
    const peer = fastest(group);
    if (ours === undefined || peer === undefined) return [];
    const ratio = ours.speed / peer.speed;
    if (ratio < goal) missed.push(`${name}: ${ratio.toFixed(2)} times as fast as ${peer.name}, goal ${goal}`);
    if (ours.errorRate > peer.errorRate + MARGIN)
      missed.push(
        `${name}: word error rate ${ours.errorRate.toFixed(2)} %, ${peer.name} ${peer.errorRate.toFixed(2)} %`,
      );
    return `- ${ratio.toFixed(2)} times as fast as ${peer.name} (goal ${goal})`;
  });
  return { lines, missed };
}

function table(results: readonly Result[]): string {
  const lines = results.map(
    ({ name, speed, range, errorRate: errors }) =>
      `| ${name} | ${speed.toFixed(1)} (${range.map((value) => value.toFixed(1)).join("–")}) | ${errors.toFixed(2)} |`,
  );
  return ["| program | × real time | word error rate, % |", "|---|---|---|", ...lines].join("\n");
}
