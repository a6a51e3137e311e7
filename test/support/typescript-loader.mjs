/**
 * Lets `node --import` run the TypeScript sources without a build, for tests that need a process of their own:
 * imports of `./name.js`, and threads with that program, find `./name.ts`, and types are stripped on the way in.
 */
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { register } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

// Hooks run on a thread of their own, which loads this file again: threads with programs register it, that one works.
const hooks = `${import.meta.url.split("?")[0]}?hooks`;
const isHooks = import.meta.url === hooks;
if (!isHooks) register(hooks);
const KEPT = fileURLToPath(new URL("../../node_modules/.cache/agora-transpiled", import.meta.url));
/** Loaded when it is needed: most processes of the tests have it registered for threads that they do not start. */
let typescript;

export async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context);
  } catch (error) {
    if (error.code !== "ERR_MODULE_NOT_FOUND" || !/^(\.{1,2}\/|file:).*\.js$/.test(specifier)) throw error;
    return next(specifier.replace(/\.js$/, ".ts"), context);
  }
}

export async function load(url, context, next) {
  if (!url.endsWith(".ts")) return next(url, context);
  const text = await readFile(fileURLToPath(url), "utf8");
  const kept = join(KEPT, `${createHash("sha256").update(`${url}\0${text}`).digest("hex")}.js`);
  const source = (await readFile(kept, "utf8").catch(() => undefined)) ?? (await transpiled(url, text, kept));
  return { format: "module", source, shortCircuit: true };
}

/** Kept, too: TypeScript takes longer to load than most programs of the tests to run. */
async function transpiled(url, text, kept) {
  typescript ??= import("typescript");
  const { default: ts } = await typescript;
  const { outputText } = ts.transpileModule(text, {
    fileName: fileURLToPath(url),
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
      inlineSourceMap: true,
    },
  });
  const unfinished = `${kept}.${process.pid}-${Math.random()}`;
  await mkdir(KEPT, { recursive: true });
  await writeFile(unfinished, outputText);
  await rename(unfinished, kept);
  return outputText;
}
