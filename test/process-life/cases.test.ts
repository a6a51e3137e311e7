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

/** Rows whose command is a script with the project's root as its one argument. */
const cases: Case[] = (table === undefined ? "" : readFileSync(table, "utf8"))
  .split("\n")
  .map((line) => line.split("\t"))
  .map(([file = "", special = "", command = ""]) => ({ file, special, command }))
  .filter(({ file, command }) => /^(bash|node) \S+ ROOT$/.test(command) && command.includes(file));

/** The programs of the cases, with a server that hears their made-up sound, which is no speech to a VAD. */
let programs: string;
beforeAll(() => {
  programs = mkdtempSync(join(tmpdir(), "agora-cases-"));
  if (table === undefined) return;
  for (const file of readdirSync(dirname(table)).filter((name) => name.endsWith(".mjs"))) {
    const text = readFileSync(join(dirname(table), file), "utf8");
    writeFileSync(join(programs, file), text.replace("readSettings({ ", 'readSettings({ MODEL_VAD: "off", '));
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
  expect(cases.length).toBeGreaterThan(5);
  // The scripts run what users run. It is not built here: other tests may be reading it.
  expect(existsSync(`${ROOT}dist/cli/main.js`), "npm run build:ts makes it").toBe(true);
});

for (const each of cases) {
  // Some compare times of their own making, which a busy machine upsets once, though not three times.
  test(`${each.file}: ${each.special}`, { retry: 2 }, async () => {
    const { code, output } = await run(each);
    expect(code, output).toBe(0);
  });
}
