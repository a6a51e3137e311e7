/**
 * Lets `node --import` run the TypeScript sources without a build, for tests that need a process of their own:
 * imports of `./name.js`, and threads with that program, find `./name.ts`, and types are stripped on the way in.
 */
import { readFile } from "node:fs/promises";
import { register } from "node:module";
import { fileURLToPath } from "node:url";

// Hooks run on a thread of their own, which loads this file again: threads with programs register it, that one works.
const hooks = `${import.meta.url.split("?")[0]}?hooks`;
const isHooks = import.meta.url === hooks;
if (!isHooks) register(hooks);
const ts = isHooks ? (await import("typescript")).default : undefined;

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
  const { outputText } = ts.transpileModule(await readFile(fileURLToPath(url), "utf8"), {
    fileName: fileURLToPath(url),
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
      inlineSourceMap: true,
    },
  });
  return { format: "module", source: outputText, shortCircuit: true };
}
