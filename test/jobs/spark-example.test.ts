import { spawn, spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { get, startJobs } from "../support/jobs.js";
import { RECORDING } from "../support/server.js";
import { temporaryFolder } from "../support/temporary-folder.js";

const FOLDER = fileURLToPath(new URL("../../examples/spark", import.meta.url));
const PYTHON = "/usr/bin/python3";
const hasPython = spawnSync(PYTHON, ["--version"]).status === 0;

/** What the function of a partition makes of rows. */
async function partition(server: string, paths: readonly string[]): Promise<Record<string, unknown>[]> {
  const program = [
    "import json, sys",
    `sys.path.insert(0, ${JSON.stringify(FOLDER)})`,
    "sys.dont_write_bytecode = True",
    "from transcribe_partitions import transcribe_partition",
    "rows = ({'path': path} for path in json.loads(sys.argv[2]))",
    "print(json.dumps(list(transcribe_partition(rows, sys.argv[1], None, {'language': 'en'}, 0.01))))",
  ].join("\n");
  const child = spawn(PYTHON, ["-c", program, server, JSON.stringify(paths)]);
  let [output, errors] = ["", ""];
  child.stdout.on("data", (text) => {
    output += text;
  });
  child.stderr.on("data", (text) => {
    errors += text;
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  expect({ code, errors }).toEqual({ code: 0, errors: "" });
  return JSON.parse(output);
}

describe.skipIf(!hasPython)("the example for Spark and Ray (needs python3)", () => {
  it("gives a row for each path, in their order, and transcribes nothing twice when a task is begun again", async () => {
    const { engine, url } = await startJobs();
    const folder = await temporaryFolder();
    const paths = Array.from({ length: 20 }, (_, i) => join(folder, `${i}.wav`));
    for (const path of paths) await writeFile(path, RECORDING);
    const broken = join(folder, "broken.wav");
    await writeFile(broken, "no sound at all");
    const all = [...paths, broken, join(folder, "missing.wav")];
    const rows = await partition(url, all);
    expect(rows.map(({ path }) => path)).toEqual(all);
    for (const row of rows.slice(0, 20))
      expect(row).toMatchObject({ text: "1", duration: expect.any(Number), error: null });
    expect(rows[20]).toMatchObject({ text: null, error: expect.stringContaining("UNSUPPORTED_FORMAT") });
    expect(rows[21]).toMatchObject({ text: null, error: expect.stringContaining("missing.wav") });
    expect(await partition(url, all)).toEqual(rows);
    expect(engine.windows).toHaveLength(20);
    expect((await get(url, "/v1/jobs?limit=100")).json.data).toHaveLength(21);
  });
});
