/**
 * Writes a model of real shape with random weights, for measurements:
 *
 *   npm run bench:random-model -- --shape small --type q8_0 --out /tmp/small-q8_0.bin
 *   npm run bench:random-model -- --shape nemotron-3-diarization --type bf16 --out /tmp/nemotron-bf16.gguf
 */
import { mkdtempSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { convertCheckpoint } from "../src/models/convert/convert-checkpoint.js";
import { SHAPES, type ShapeName, writeRandomModel } from "./support/random-model.js";
import { NEMOTRON_SHAPE, writeRandomNemotron } from "./support/random-nemotron.js";

const NEMOTRON = "nemotron-3-diarization";

const { values } = parseArgs({
  options: {
    shape: { type: "string" },
    type: { type: "string", default: "f16" },
    seed: { type: "string", default: "1" },
    out: { type: "string" },
  },
});
const { shape, type, seed, out } = values;
if (shape === NEMOTRON && out) {
  await writeNemotron(out, type, Number(seed));
} else if (!shape || !Object.hasOwn(SHAPES, shape) || !out) {
  console.error(
    `Usage: --shape ${[...Object.keys(SHAPES), NEMOTRON].join("|")} [--type f32|f16|q8_0|…] [--seed N] --out FILE`,
  );
  process.exitCode = 2;
} else {
  await writeRandomModel(out, { ...SHAPES[shape as ShapeName], type, seed: Number(seed) });
}

/** As a checkpoint first, then as a model. */
async function writeNemotron(path: string, type: string, seed: number): Promise<void> {
  const folder = mkdtempSync(join(dirname(path), ".nemotron-"));
  try {
    writeRandomNemotron(join(folder, NEMOTRON), NEMOTRON_SHAPE, seed);
    const request = { type, folder, overwrite: true, signal: undefined, onProgress: () => {} };
    const { files } = await convertCheckpoint(join(folder, NEMOTRON), request);
    renameSync(files[0]!.path, path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
