/** The measured processes of bench/borealis.ts; each prints its result as JSON. */
import { readFileSync } from "node:fs";
import { loadAddon, type NativeBorealisModel } from "../../src/addon/addon.js";
import { openDevice } from "../../src/engine/devices.js";
import { convertModel } from "../../src/index.js";
import { audioFileOf, borealisModelIn } from "../../src/models/borealis-files.js";
import { glide } from "../../test/support/audio.js";

export interface ConversionRun {
  seconds: number;
  peakMiB: number;
  fileMiB: number;
}

export interface InferenceRun {
  windows: number;
  /** Per window. */
  encodeSeconds: number;
  /** Per window, prefix included. */
  promptSeconds: number;
  tokensPerSecond: number;
  peakMiB: number;
}

/** The CPU kernels, ggml and libllama on the CPU, or both of them on a GPU. */
export type Place = "cpu" | "portable" | "gpu";

const MIB = 1024 ** 2;
const round = (value: number) => Math.round(value * 1000) / 1000;

function peakMiB(): number {
  return round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))![1]) / 1024);
}

async function convert(source: string, out: string, type: string): Promise<ConversionRun> {
  const start = performance.now();
  const { files } = await convertModel(source, { out, type, overwrite: true });
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return {
    seconds: round((performance.now() - start) / 1000),
    peakMiB: peakMiB(),
    fileMiB: Math.round(bytes / MIB),
  };
}

/** `count` windows at once, each of exactly `tokens` tokens where the random model does not end earlier. */
async function infer(
  folder: string,
  batchSize: number,
  count: number,
  tokens: number,
  threads: number,
  place: Place,
  sharePrompts: boolean,
): Promise<InferenceRun> {
  await openDevice({ device: place === "gpu" ? "cuda" : "cpu", threads });
  const path = (await borealisModelIn(folder))!;
  const options = { threads, batchSize, place, sharePrompts };
  const model: NativeBorealisModel = await loadAddon().loadBorealisModel(path, audioFileOf(path), options);
  const samples = glide(30, 16_000);
  const generation = {
    // Drawn, so that no loop ends a window.
    temperatures: [0.8],
    topK: 50,
    topP: 1,
    repetitionPenalty: 1,
    compressionRatioThreshold: null,
    systemPrompt: "",
    userPrompt: "",
    maxTokens: tokens,
    request: 0,
    priority: "bulk" as const,
  };
  await Promise.all(
    Array.from({ length: count }, (_, seed) =>
      model.transcribe(samples, { ...generation, seed }, new (loadAddon().CancelFlag)()),
    ),
  );
  const timings = model.timings();
  await model.close();
  return {
    windows: timings.windows,
    encodeSeconds: round(timings.encodeSeconds / timings.windows),
    promptSeconds: round(timings.promptSeconds / timings.windows),
    tokensPerSecond: round(timings.tokens / timings.tokenSeconds),
    peakMiB: peakMiB(),
  };
}

const [mode, folder, ...rest] = process.argv.slice(2);
if (mode === "convert") {
  console.log(JSON.stringify(await convert(folder!, rest[0]!, rest[1]!)));
} else {
  const [batchSize, count, tokens, threads] = rest.slice(0, 4).map(Number);
  const place = rest[4] as Place;
  console.log(
    JSON.stringify(await infer(folder!, batchSize!, count!, tokens!, threads!, place, rest[5] !== "alone")),
  );
}
