import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sharedPath } from "../support/shared-path.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const table = sharedPath("cases/process/cases.tsv");

interface Case {
  file: string;
  special: string;
  command: string;
}

const [, ...rows] = (table === undefined ? "" : readFileSync(table, "utf8"))
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => line.split("\t"))
  .map(([file = "", special = "", command = ""]): Case => ({ file, special, command }));
/** A script with the project's root as its one argument. */
const isRun = ({ file, command }: Case): boolean =>
  /^(bash|node) \S+ ROOT$/.test(command) && command.includes(file);
const cases = rows.filter(isRun);

const NAMES = [
  "pipes.sh",
  "many-names.mjs",
  "threads-above-cores.sh",
  "decoder-without-input.sh",
  "long-result.mjs",
  "cancelled-calls.mjs",
  "age-and-keepalive.mjs",
  "stop-and-keepalive.mjs",
  "reader-that-stops.mjs",
];
/** They compare times of their own making, which a busy machine upsets once, though not three times. */
const TIMED = ["many-names.mjs", "threads-above-cores.sh"];
/** What the other scripts import. */
const SERVER = "fake-server.mjs";

/** The programs of the cases, with a server that hears their made-up sound, which is no speech to a VAD. */
let programs: string;
beforeAll(() => {
  programs = mkdtempSync(join(tmpdir(), "agora-cases-"));
  if (table === undefined) return;
  for (const file of readdirSync(dirname(table)).filter((name) => name.endsWith(".mjs"))) {
    const text = readFileSync(join(dirname(table), file), "utf8");
    const deaf = text.replace("readSettings({ ", 'readSettings({ MODEL_VAD: "off", ');
    if (file === SERVER) expect(deaf).not.toBe(text);
    writeFileSync(join(programs, file), deaf);
  }
});
afterAll(() => rmSync(programs, { recursive: true }));

/** Exit code and all that the script said. */
function run({ command, file }: Case): Promise<{ code: number; output: string }> {
  const [program] = command.split(" ");
  return new Promise((resolve) => {
    const script = file.endsWith(".mjs") ? join(programs, file) : sharedPath(`cases/process/${file}`)!;
    execFile(program!, [script, ROOT], { cwd: ROOT, timeout: 170_000 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), output: stdout + stderr }),
    );
  });
}

test.skipIf(table === undefined)("the cases are there, and the project is built for them", () => {
  expect(cases.map(({ file }) => file)).toEqual(NAMES);
  const others = rows.filter((row) => !isRun(row) && row.file !== SERVER);
  for (const { file, command } of others) console.warn(`Not tried here: ${file} (${command})`);
  // The scripts run what users run. It is not built here: other tests may be reading it.
  expect(existsSync(`${ROOT}dist/cli/main.js`), "npm run build:ts makes it").toBe(true);
});

for (const each of cases) {
  test(`${each.file}: ${each.special}`, { retry: TIMED.includes(each.file) ? 2 : 0 }, async () => {
    const { code, output } = await run(each);
    expect(code, output).toBe(0);
  });
}
