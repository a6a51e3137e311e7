import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";
import { packages } from "./support/project.js";

// A build takes minutes; what it needs of files is known in seconds: CMake names sources that are not
// there, and what these include of each other is read here.

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), "agora-sources-"));
afterAll(() => rmSync(folder, { recursive: true }));

const { version } = JSON.parse(readFileSync(path.join(ROOT, "package.json"), "utf8"));
const tarball = path.join(packages, `agora-transcribe-source-${version}.tgz`);
execFileSync("tar", ["-xzf", tarball, "--strip-components=1", "-C", folder]);

const filesIn = (root: string): string[] =>
  readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((file) => statSync(path.join(root, file)).isFile())
    .sort();

it("the packed sources are all that there are", () => {
  expect(filesIn(path.join(folder, "native"))).toEqual(filesIn(path.join(ROOT, "native")));
});

it("every file that the packed sources include of their own is among them", () => {
  const native = path.join(folder, "native");
  const own = new Set(readdirSync(native));
  const missing = filesIn(native)
    .filter((file) => /\.(c|cpp|h|hpp|inc)$/.test(file))
    .flatMap((file) => {
      const text = readFileSync(path.join(native, file), "utf8");
      const included = [...text.matchAll(/^\s*#\s*include\s+"([^"]+)"/gm)].map((match) => match[1]!);
      return included
        .filter((name) => own.has(name.split("/")[0]!) || name.startsWith("."))
        .filter(
          (name) =>
            ![native, path.dirname(path.join(native, file))].some((from) =>
              existsSync(path.join(from, name)),
            ),
        )
        .map((name) => `${file} includes ${name}`);
    });
  expect(missing).toEqual([]);
});

it("CMake finds every file that a build for all processors is made of", () => {
  // The package's dependencies, as npm would install them.
  symlinkSync(path.join(ROOT, "node_modules"), path.join(folder, "node_modules"));
  const out = path.join(folder, "out");
  mkdirSync(out);
  const { status, stderr } = spawnSync(
    process.execPath,
    [path.join(folder, "scripts", "build-native.mjs"), "--configure-only", "--out", out],
    {
      cwd: folder,
      encoding: "utf8",
      env: {
        ...process.env,
        AGORA_CPU_VARIANTS: "all",
        AGORA_WHISPER_CPP_DIR: "",
        CMAKE_EXPORT_COMPILE_COMMANDS: "ON",
      },
    },
  );
  expect(status, stderr).toBe(0);
  const commands = JSON.parse(readFileSync(path.join(folder, "build/cmake/compile_commands.json"), "utf8"));
  const compiled = commands.map(({ file }: { file: string }) => file) as string[];
  expect(compiled.filter((file) => !existsSync(file))).toEqual([]);
  // Each by itself, but for what is another's part.
  const native = filesIn(path.join(folder, "native")).filter((file) => /\.(c|cpp)$/.test(file));
  const left = native.filter((file) => !compiled.includes(path.join(folder, "native", file)));
  expect(native.length).toBeGreaterThan(100);
  expect(left).toEqual([]);
});
