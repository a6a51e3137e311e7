// Checks that this package and node-llama-cpp, each with a ggml of its own, work in one process: in either order,
// by turns and at the same time, with the results that each gives alone.
//
//   node test/packaging/coexistence/check.mjs [folder]
//
// Installs node-llama-cpp (about 90 MB from npm) into `folder`, by default a temporary one that is removed afterwards.
// Needs a build of this package (`npm run build`). A program of its own and no part of `npm test` because of that download.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { writeRandomLlama } from "./random-llama.mjs";

const VERSION = "3.22.1";
const ORDERS = ["agora,llama,agora", "llama,agora,llama", "both,both"];
const scenario = fileURLToPath(new URL("scenario.mjs", import.meta.url));

function install(folder) {
  const modules = path.join(folder, "node_modules");
  if (existsSync(path.join(modules, "node-llama-cpp"))) return modules;
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "package.json"), "{}");
  const platform = `@node-llama-cpp/${process.platform}-${process.arch}`;
  execFileSync(
    "npm",
    // Without the optional dependencies, which are the binaries of every other platform.
    [
      "install",
      "--ignore-scripts",
      "--omit=optional",
      "--no-audit",
      `node-llama-cpp@${VERSION}`,
      `${platform}@${VERSION}`,
    ],
    { cwd: folder, stdio: ["ignore", "ignore", "inherit"] },
  );
  return modules;
}

function run(modules, model, steps) {
  const args = [scenario, modules, model, steps];
  const output = execFileSync(process.execPath, args, { encoding: "utf8", timeout: 300_000 });
  return JSON.parse(output.trim().split("\n").at(-1));
}

async function check(folder) {
  const modules = install(folder);
  const model = path.join(folder, "random-llama.gguf");
  await writeRandomLlama(model);

  const expected = {
    agora: run(modules, model, "agora").results[0].agora,
    llama: run(modules, model, "llama").results[0].llama,
  };
  if (expected.agora.length === 0 || expected.llama.length === 0)
    throw new Error("One of the two gave nothing alone");

  let failures = 0;
  for (const steps of ORDERS) {
    const { results, libraries } = run(modules, model, steps);
    const problems = results.flatMap((result, step) =>
      Object.entries(result)
        .filter(([who, value]) => !isDeepStrictEqual(value, expected[who]))
        .map(([who]) => `${who} differs in step ${step + 1}`),
    );
    const ours = libraries.filter((file) => path.basename(file).startsWith("libagora-ggml"));
    if (!ours.some((file) => file.includes("-base.so"))) problems.push("our ggml is not loaded");
    if (!libraries.some((file) => file.endsWith("/libggml-base.so")))
      problems.push("the other ggml is not loaded");
    console.log(`${steps}: ${problems.join("; ") || "same results as alone"}`);
    failures += problems.length;
  }
  return failures;
}

const given = process.argv[2];
const folder = given ? path.resolve(given) : mkdtempSync(path.join(tmpdir(), "agora-coexistence-"));
try {
  process.exitCode = (await check(folder)) === 0 ? 0 : 1;
} finally {
  if (!given) rmSync(folder, { recursive: true, force: true });
}
