import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Conversion } from "../../../src/index.js";
import { borealisFiles, borealisTensors } from "../../support/borealis-checkpoint.js";
import { convertHere } from "../../support/convert-here.js";
import { folderOf } from "../../support/folder-of.js";
import { runProgram } from "../../support/program.js";
import { safetensors } from "../../support/safetensors-writer.js";

/** Converts `folder` and says how it went: what came of it, by what name it failed, and how far it got. */
const CONVERT = `
async function convert(folder, options) {
  let progress = 0;
  const onProgress = (fraction) => {
    progress = fraction;
    options.onProgress?.();
  };
  const outcome = await convertModel(folder, { out: folder + "/out", ...options, onProgress }).catch(
    ({ name, code, message, option }) => ({ name, code, message, option }),
  );
  console.log(JSON.stringify({ outcome, progress }));
}
`;

interface Said {
  outcome: Conversion & { name: string; code?: string; message: string; option?: string };
  progress: number;
}

async function run(source: string): Promise<Said[]> {
  const { stdout, stderr, code } = await runProgram(CONVERT + source);
  expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}

const checkpoint = () =>
  folderOf({ ...borealisFiles(), "model.safetensors": safetensors(borealisTensors(2)) });

it("a conversion on its thread makes the files that it makes on this one", async () => {
  const folder = await checkpoint();
  const [said] = await run(`await convert(${JSON.stringify(folder)}, { type: "q8_0" });`);
  const here = await convertHere(folder, { out: join(folder, "here"), type: "q8_0" });
  expect(said!.progress).toBe(1);
  expect(said!.outcome).toMatchObject({ kind: "borealis", type: "q8_0" });
  expect(said!.outcome.files).toHaveLength(2);
  for (const [i, { path }] of here.files.entries()) {
    expect(readFileSync(said!.outcome.files[i]!.path).equals(readFileSync(path))).toBe(true);
  }
});

it("a conversion on its thread fails, stops and passes on errors as it does on this one", async () => {
  const folder = await checkpoint();
  const [wrong, stopped, thrown] = await run(`
    const folder = ${JSON.stringify(folder)};
    await convert(folder, { type: "q3_x" });
    const controller = new AbortController();
    await convert(folder, { signal: controller.signal, onProgress: () => controller.abort() });
    await convert(folder, { onProgress() { throw new RangeError("from the callback"); } });
  `);
  const here = await convertHere(folder, { out: join(folder, "out"), type: "q3_x" }).catch((error) => error);
  expect(wrong!.outcome).toEqual({
    name: "TranscriptionError",
    code: "INVALID_ARGUMENT",
    message: here.message,
    option: "type",
  });
  expect(stopped!.outcome).toMatchObject({ name: "TranscriptionError", code: "CANCELLED" });
  expect(thrown!.outcome).toEqual({ name: "RangeError", message: "from the callback" });
  expect(readdirSync(join(folder, "out"))).toEqual([]);
});
