import { chmodSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { normalisedWords } from "../support/word-error-rate.js";
import {
  type Ended,
  MANAGERS,
  type Manager,
  missing,
  PACKAGES,
  Project,
  pathWith,
} from "./support/project.js";

const said = readFileSync(fileURLToPath(new URL("../../samples/sales-call-en.txt", import.meta.url)), "utf8");
const isRoot = process.getuid?.() === 0;
const NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] as const;

function expectText({ code, stdout, stderr }: Ended): void {
  expect(stderr).toBe("");
  expect(normalisedWords(stdout)).toEqual(normalisedWords(said));
  expect(code).toBe(0);
}

/** Everything in `folder` loses, or gets back, the right to be written. */
function setWritable(folder: string, writable: boolean): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) setWritable(file, writable);
  }
  chmodSync(folder, writable ? 0o755 : 0o555);
}

describe.skipIf(missing !== undefined)("an installation", () => {
  describe.each(Object.keys(MANAGERS) as Manager[])("by %s", (manager) => {
    it("transcribes in a folder with spaces and Cyrillic letters, without a compiler, and no script wants to be run", () => {
      const project = new Project("Мои записи (2)", { PATH: pathWith("node", "npm", "env", "sh", "uname") });
      const { code, stdout, stderr } = project.install(manager);
      expect(stdout + stderr).not.toMatch(/script|ERR_/i);
      expect(code, stdout + stderr).toBe(0);
      expectText(project.transcribe(manager));
    });
  });

  it.skipIf(!isRoot)(
    "without scripts, that cannot be written, works for another user without a home (needs root)",
    () => {
      const project = new Project();
      expect(project.install("npm", PACKAGES, "--ignore-scripts")).toMatchObject({ code: 0 });
      expectText(project.transcribe("npm"));
      setWritable(project.folder, false);
      try {
        expectText(project.run("env", "HOME=/nonexistent", ...NOBODY, process.execPath, "sample.mjs"));
      } finally {
        setWritable(project.folder, true);
      }
    },
  );

  it("has a command line, which finds the demo model", () => {
    const project = new Project();
    expect(project.install("npm")).toMatchObject({ code: 0 });
    const sample = "node_modules/agora-transcribe-demo/samples/sales-call-en.wav";
    expectText(project.run("node_modules/.bin/agora-transcribe", "--model", "demo", "--quiet", sample));
    expect(project.run("node_modules/.bin/agora-transcribe", "doctor").stdout).toContain(
      path.join("node_modules", "agora-transcribe-linux-"),
    );
  });

  it.each([
    ["darwin", "arm64"],
    ["win32", "x64"],
    ["linux", "riscv64"],
  ])("succeeds on %s %s, and says at first use what is missing", (os, cpu) => {
    const project = new Project();
    expect(project.install("npm", ["agora-transcribe"], `--os=${os}`, `--cpu=${cpu}`)).toMatchObject({
      code: 0,
    });
    expect(project.has("node_modules/agora-transcribe-linux-x64-gnu")).toBe(false);
    project.write(
      "use.mjs",
      `import { createTranscriber } from "agora-transcribe";
       const model = "node_modules/agora-transcribe/models/silero-v6.2.0.bin";
       await createTranscriber({ model }).catch(({ name, code, message }) => console.log(name, code, message));`,
    );
    expect(project.run(process.execPath, "use.mjs").stdout).toMatch(
      /^TranscriptionError DEVICE_UNAVAILABLE The native addon .* is not installed/,
    );
  });

  it("without optional dependencies says at first use how to add the addon, which then works", () => {
    const project = new Project();
    expect(project.install("npm", PACKAGES, "--omit=optional")).toMatchObject({ code: 0 });
    const { stderr } = project.transcribe("npm");
    const [, advice] = /`npm install (\S+)` adds it/.exec(stderr) ?? [];
    expect(advice).toMatch(/^agora-transcribe-linux-/);
    expect(project.install("npm", [advice!])).toMatchObject({ code: 0 });
    expectText(project.transcribe("npm"));
  });

  it("without the demo says how to add its model", () => {
    const project = new Project();
    expect(project.install("npm", ["agora-transcribe"])).toMatchObject({ code: 0 });
    const { code, stderr } = project.run(
      "node_modules/.bin/agora-transcribe",
      "package.json",
      "--model",
      "demo",
    );
    expect(stderr).toMatch(/comes in a package of its own: `npm install agora-transcribe-demo@/);
    expect(code).toBe(3);
  });
});
