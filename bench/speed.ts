/**
 * Speed side by side with whisper.cpp, built from the same source, on the same cores, in turn: encoder and decoder by
 * themselves, whole recordings, many short requests, and peak memory.
 *
 *   npm run bench:speed -- [--rows encoder,decoder,whole,requests,memory] [--shapes base,small] [--quick]
 *
 * Each side in every precision that it has; what counts is its best, of ours among those accurate enough. Random
 * weights do the work of trained ones; the whole files and requests are measured with the demo model too. Prints a
 * Markdown table, writes build/bench/speed.json, and fails when a row misses its minimum. Takes an idle machine.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { createTranscriber } from "../src/index.js";
import { type MemoryRow, measureMemory } from "./speed/memory.js";
import { DEMO_MODEL, fileBytes, type MeasuredModel, randomModel, root } from "./speed/models.js";
import { markdown } from "./speed/report.js";
import type { Goal, Row, Settings } from "./speed/row.js";
import { type Accuracy, measureAccuracy, measureShape } from "./speed/shapes.js";
import { type Asking, measureRequests, measureWholeFile } from "./speed/workloads.js";
import { buildEngineBench, buildPeer, whisperCppVersion } from "./support/native-builds.js";
import { SHAPES, type ShapeName } from "./support/random-model.js";

const ROWS = ["encoder", "decoder", "whole", "requests", "memory"];
/** Above this load, averaged over a minute, something else is running. */
const IDLE_LOAD = 0.5;

const { values: options } = parseArgs({
  options: {
    rows: { type: "string", default: ROWS.join() },
    shapes: { type: "string" },
    rounds: { type: "string" },
    threads: { type: "string", default: String(os.availableParallelism()) },
    quick: { type: "boolean", default: false },
    out: { type: "string", default: path.join(root, "build", "bench", "speed.json") },
  },
});
const { quick } = options;
const rows = new Set(list("rows", options.rows, ROWS));
const shapes = list(
  "shapes",
  options.shapes ?? (quick ? "tiny" : "base,small"),
  Object.keys(SHAPES),
) as ShapeName[];
const settings: Settings = {
  threads: Number(options.threads),
  rounds: Number(options.rounds ?? (quick ? 1 : 3)),
  quick,
  peerProgram: buildPeer().bench,
  engineProgram: buildEngineBench(),
};
const loadAverage = os.loadavg()[0]!;
if (loadAverage > IDLE_LOAD) {
  console.error(`The machine is busy (load ${loadAverage.toFixed(2)}): these figures will be worth little.`);
}

// The demo model speaks as long as the call does; random weights never end, and get a number of tokens.
const demoAsking: Asking = { maxWindow: 20 };
const randomAsking: Asking = {
  maxWindow: 30,
  tokens: quick ? { window: 4, request: 2 } : { window: 60, request: 20 },
};
const table: Row[] = [];
const accuracy: Record<string, Record<string, Accuracy>> = {};
let memory: MemoryRow | undefined;

const models: MeasuredModel[] = [];
for (const shape of shapes) models.push(await randomModel(shape));
const random = models.at(-1)!;

if (rows.has("encoder") || rows.has("decoder")) {
  for (const model of models) {
    step(`encoder and decoder, ${model.name}`);
    const parts = { encoder: rows.has("encoder"), decoder: rows.has("decoder") };
    const result = await measureShape(model, parts, encoderGoal(), settings);
    table.push(...result.rows);
    accuracy[model.name] = result.accuracy;
  }
}
for (const [row, measure] of [
  ["whole", measureWholeFile],
  ["requests", measureRequests],
] as const) {
  if (!rows.has(row)) continue;
  step(`${row}, demo model`);
  table.push(await measure(DEMO_MODEL, demoAsking, settings, () => true));
  step(`${row}, random ${random.name}`);
  accuracy[random.name] ??= await measureAccuracy(random, settings);
  const isEligible = (type: string) => accuracy[random.name]![type]!.met;
  table.push(await measure(random, randomAsking, settings, isEligible));
}
if (rows.has("memory")) {
  step(`memory, ${random.name}`);
  memory = measureMemory(random, settings);
}

const result = {
  cpu: os.cpus()[0]?.model,
  device: await deviceName(),
  threads: settings.threads,
  node: process.version,
  whisperCpp: whisperCppVersion(),
  loadAverage,
  quick,
  rounds: settings.rounds,
  modelBytes: Object.fromEntries([DEMO_MODEL, ...models].map((model) => [model.name, fileBytes(model)])),
  accuracy,
  rows: table,
  memory,
};
mkdirSync(path.dirname(options.out), { recursive: true });
writeFileSync(options.out, JSON.stringify(result, null, 2));
console.log(`${result.device}, ${settings.threads} threads, whisper.cpp ${result.whisperCpp}\n`);
console.log(markdown(table, memory));
console.log(
  `\nDifference of the encoder's output, and of logits, from float32's (written to ${options.out}):`,
);
for (const [shape, types] of Object.entries(accuracy)) {
  const texts = Object.entries(types).map(
    ([name, { encoder, logits, met }]) =>
      `${name} ${encoder.toExponential(1)}, ${logits.toExponential(1)}${met ? "" : " (too much: does not count)"}`,
  );
  console.log(`- ${shape}: ${texts.join("; ")}`);
}
if (!quick && [...table, ...(memory ? [memory] : [])].some(({ met }) => met === "no")) process.exitCode = 1;

function step(what: string): void {
  console.error(`${Math.round(performance.now() / 1000)} s: ${what} …`);
}

function list(name: string, value: string, known: readonly string[]): string[] {
  const items = value.split(",");
  const unknown = items.find((item) => !known.includes(item));
  if (unknown !== undefined) {
    console.error(`Expected --${name} to be some of ${known.join(", ")} but received "${unknown}"`);
    process.exit(2);
  }
  return items;
}

/** More is expected where the processor has wide vectors. */
function encoderGoal(): Goal {
  const wide = /\bavx512f\b/.test(readFileSync("/proc/cpuinfo", "utf8"));
  return { target: 6, atLeast: wide ? 3 : 1.2 };
}

/** The processor and the variant of the CPU backend. */
async function deviceName(): Promise<string> {
  const model = DEMO_MODEL.files.q8_0!;
  await using transcriber = await createTranscriber({ model, implementation: "whisper", vadModel: null });
  return transcriber.info.device.name;
}
