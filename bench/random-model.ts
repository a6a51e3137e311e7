/**
 * Writes a model of real shape with random weights, for measurements:
 *
 *   npm run bench:random-model -- --shape small --type q8_0 --out /tmp/small-q8_0.bin
 */
import { parseArgs } from "node:util";
import { SHAPES, type ShapeName, writeRandomModel } from "./support/random-model.js";

const { values } = parseArgs({
  options: {
    shape: { type: "string" },
    type: { type: "string", default: "f16" },
    seed: { type: "string", default: "1" },
    out: { type: "string" },
  },
});
const { shape, type, seed, out } = values;
if (!shape || !Object.hasOwn(SHAPES, shape) || !out) {
  console.error(
    `Usage: --shape ${Object.keys(SHAPES).join("|")} [--type f32|f16|q8_0|…] [--seed N] --out FILE`,
  );
  process.exitCode = 2;
} else {
  await writeRandomModel(out, { ...SHAPES[shape as ShapeName], type, seed: Number(seed) });
}
