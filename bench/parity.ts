/**
 * How far encoder output and decoder logits of the published shapes are from float32's and from whisper.cpp's, in
 * every compute type, with random weights. Ends with status 1 when a bound is missed.
 *
 *   npm run bench:parity -- [--shape small --shape large-v3 …] [--layers 2|all] [--type f16 --type q8_0 …]
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { ComputeType } from "../src/index.js";
import { MeasuringProgram } from "./support/measuring-program.js";
import { buildEngineBench } from "./support/native-builds.js";
import { SHAPES, type ShapeName, writeRandomModel } from "./support/random-model.js";
import { relativeError } from "./support/relative-error.js";

/** Relative errors that are allowed. */
const BOUNDS = {
  float32: 1e-5,
  float16: 1e-3,
  bfloat16: 1e-2,
  int8: 3e-2,
  int8_float16: 3e-2,
  int8_bfloat16: 3e-2,
} as const satisfies Partial<Record<ComputeType, number>>;

interface Outputs {
  encoder: Float32Array;
  logits: Float32Array;
}

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const { values: options } = parseArgs({
  options: {
    shape: { type: "string", multiple: true, default: Object.keys(SHAPES) },
    type: { type: "string", multiple: true, default: ["f16", "q8_0"] },
    layers: { type: "string", default: "2" },
  },
});
const unknown = options.shape.filter((shape) => !Object.hasOwn(SHAPES, shape));
const layers = options.layers === "all" ? Number.POSITIVE_INFINITY : Number(options.layers);
if (unknown.length > 0 || !(layers >= 1)) {
  console.error(`Expected --shape ${Object.keys(SHAPES).join("|")} and --layers 1 or more, or all`);
  process.exit(2);
}

const program = buildEngineBench();
const threads = os.availableParallelism();
const folder = mkdtempSync(path.join(os.tmpdir(), "agora-parity-"));
const rows = [];
try {
  for (const shape of options.shape as ShapeName[]) {
    for (const type of options.type) rows.push(...(await compare(shape, type)));
  }
} finally {
  rmSync(folder, { recursive: true });
}
console.log(`Relative errors, ${options.layers} layers on each side at most:`);
console.table(rows);
mkdirSync(path.join(root, "build", "bench"), { recursive: true });
writeFileSync(
  path.join(root, "build", "bench", "parity.json"),
  JSON.stringify({ cpu: os.cpus()[0]?.model, layers: options.layers, rows }, null, 2),
);
if (rows.some(({ met }) => met === false)) process.exitCode = 1;

/** One model in every compute type: a row for each, and two for whisper.cpp. */
async function compare(shape: ShapeName, type: string) {
  const model = path.join(folder, "model.bin");
  const { audioLayer, textLayer } = SHAPES[shape];
  await writeRandomModel(model, {
    ...SHAPES[shape],
    audioLayer: Math.min(audioLayer, layers),
    textLayer: Math.min(textLayer, layers),
    type,
    seed: 1,
  });
  const exact = await outputs(model, "float32", "outputs");
  const plain = await outputs(model, "float32", "reference", 0);
  const flash = await outputs(model, "float32", "reference", 1);
  const row = (computed: string, own: Outputs, bound?: number) => {
    const errors = [
      relativeError(own.encoder, exact.encoder),
      relativeError(own.logits, exact.logits),
      relativeError(own.encoder, plain.encoder),
      relativeError(own.logits, plain.logits),
    ].map((error) => Number(error.toPrecision(2)));
    const [encoder, logits, peerEncoder, peerLogits] = errors;
    return {
      model: `${shape} ${type}`,
      computed,
      "encoder/float32": encoder,
      "logits/float32": logits,
      "encoder/whisper.cpp": peerEncoder,
      "logits/whisper.cpp": peerLogits,
      bound,
      met: bound === undefined ? undefined : encoder! <= bound && logits! <= bound,
    };
  };
  const result = [row("whisper.cpp", plain), row("whisper.cpp, flash attention", flash)];
  for (const [computeType, bound] of Object.entries(BOUNDS))
    result.push(row(computeType, await outputs(model, computeType, "outputs"), bound));
  return result;
}

/** In a process of its own, so that one model at a time is in memory. */
async function outputs(
  model: string,
  computeType: string,
  ...command: (string | number)[]
): Promise<Outputs> {
  const file = path.join(folder, "outputs");
  const [name, ...rest] = command;
  const running = await MeasuringProgram.start(program, model, String(threads), computeType);
  const { encoded } = await running.ask<{ encoded: number }>(name!, file, ...rest);
  await running.close();
  const values = new Float32Array(Uint8Array.from(readFileSync(file)).buffer);
  return { encoder: values.subarray(0, encoded), logits: values.subarray(encoded) };
}
