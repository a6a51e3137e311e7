/**
 * Borealis in its real shape (Whisper large-v3's encoder, Qwen2.5-0.5B), random weights:
 *
 * - conversion of the checkpoint: seconds and peak memory
 * - the audio encoder: windows per second, beside ggml's with the same model and threads
 * - the language model: seconds for a prompt, with its beginning shared and without, and tokens per second at batch 1, 8
 *   and 32, beside libllama's with the same model and threads, behind an encoder of one layer, which leaves its own work
 *   as it is
 *
 * A window joins the batch with each step, so that it takes more tokens than windows to have them all in steps of tokens
 * alone, which are the ones that are counted.
 *
 *   npm run bench:borealis [-- --type q8_0 --threads 2 --tokens 96 --windows 2 --device cpu|cuda]
 *
 * On a GPU both are measured beside the CPU.
 *
 * Each measurement has a process of its own. Results go to build/bench/borealis.json. Needs 6 GB of disk.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { ConversionRun, InferenceRun, Place } from "./support/borealis-run.js";
import { writeRandomBorealis } from "./support/random-borealis.js";

const { values } = parseArgs({
  options: {
    type: { type: "string", default: "q8_0" },
    threads: { type: "string", default: String(os.availableParallelism()) },
    tokens: { type: "string", default: "96" },
    windows: { type: "string", default: "2" },
    device: { type: "string", default: "cpu" },
  },
});
const { type, threads, tokens, windows, device } = values;
if (device !== "cpu" && device !== "cuda") throw new Error(`--device is cpu or cuda, not ${device}`);
const own: Place = device === "cuda" ? "gpu" : "cpu";
const peer: Place = device === "cuda" ? "cpu" : "portable";
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const work = path.join(root, "build", "bench");

function measure<T>(...args: (string | number)[]): T {
  const program = path.join(root, "bench", "support", "borealis-run.ts");
  const node = ["--import", path.join(root, "test", "support", "typescript-loader.mjs"), program];
  const output = execFileSync(process.execPath, [...node, ...args.map(String)], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  return JSON.parse(output) as T;
}

async function model(
  name: string,
  encoderLayers: number,
): Promise<{ folder: string; conversion: ConversionRun }> {
  const checkpoint = path.join(work, name, "checkpoint");
  await writeRandomBorealis(checkpoint, encoderLayers);
  const folder = path.join(work, name, type);
  return { folder, conversion: measure<ConversionRun>("convert", checkpoint, folder, type) };
}

const infer = (
  folder: string,
  batch: number,
  count: number,
  length: number | string,
  place: Place = own,
  share = "shared",
) => measure<InferenceRun>("infer", folder, batch, count, length, threads, place, share);

const full = await model("borealis", 32);
console.log(`Conversion to ${type}:`);
console.table([full.conversion]);
function audioEncoder(place: Place) {
  const { encodeSeconds, peakMiB } = infer(full.folder, Number(windows), Number(windows), 1, place);
  return { windowsPerSecond: 1 / encodeSeconds, peakMiB };
}
const encoder = audioEncoder(own);
console.log("Audio encoder, large-v3:");
console.table([encoder]);
const encoderBeside = audioEncoder(peer);
console.log(peer === "cpu" ? "The same on the CPU:" : "The same on ggml:");
console.table([encoderBeside]);

const { folder } = await model("borealis-short", 1);
function languageModel(place: Place) {
  const rows = [1, 8, 32].map((batch) => {
    const { promptSeconds, tokensPerSecond, peakMiB } = infer(folder, batch, batch, tokens, place);
    return { batch, promptSeconds, tokensPerSecond, peakMiB };
  });
  return rows.map((row) => ({ ...row, ratio: row.tokensPerSecond / rows[0]!.tokensPerSecond }));
}
const rows = languageModel(own);
console.log("Language model, Qwen2.5-0.5B:");
console.table(rows);
const beside = languageModel(peer);
console.log(peer === "cpu" ? "The same on the CPU:" : "The same on libllama:");
console.table(beside);
const alone = infer(folder, 8, 8, 1, own, "alone");
const shared = infer(folder, 8, 8, 1);
const saving = 1 - shared.promptSeconds / alone.promptSeconds;
console.log("Seconds for a window's prompt, 8 windows:");
console.table([{ shared: shared.promptSeconds, alone: alone.promptSeconds, saving }]);

mkdirSync(work, { recursive: true });
const cpu = os.cpus()[0]?.model;
const result = {
  cpu,
  node: process.version,
  type,
  threads,
  device,
  tokens,
  conversion: full.conversion,
  encoder,
  encoderBeside,
  rows,
  beside,
  alone,
  shared,
};
writeFileSync(path.join(work, "borealis.json"), JSON.stringify(result, null, 2));
