import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { build } from "esbuild";
import { ROOT, VENDORED } from "./manifest.mjs";

const require = createRequire(import.meta.url);

/** What the sources import of the vendored packages, by the names of the files that stand in for them. */
const MODULES = {
  "fastify.js": "fastify",
  "light-my-request.js": "light-my-request",
  "grpc-js.js": "@grpc/grpc-js",
  "proto-loader.js": "@grpc/proto-loader",
  "protobufjs.js": "protobufjs",
  "protobufjs-descriptor.js": "protobufjs/ext/descriptor/index.js",
};
const IMPORT = /(\b(?:from|import)\s*\(?\s*)(["'])([^"'\n]+)\2/g;

/**
 * Puts the code of the vendored packages into `dist/vendor`, one file and a module for each that is imported, and
 * lets the modules of `dist` import those.
 * @param {string} dist
 * @returns {Promise<string[]>} folders of all packages whose code is in it
 */
export async function vendor(dist) {
  const folder = path.join(dist, "vendor");
  mkdirSync(folder, { recursive: true });
  const quoted = Object.values(MODULES).map((name) => JSON.stringify(name));
  // Each is run when it is first asked for.
  const exports = quoted.map((name) => `get ${name}() { return require(${name}); }`);
  const { metafile } = await build({
    stdin: { contents: `module.exports = { ${exports.join(", ")} };`, resolveDir: ROOT },
    absWorkingDir: ROOT,
    outfile: path.join(folder, "vendored.cjs"),
    bundle: true,
    platform: "node",
    format: "cjs",
    target: "node20.19",
    minifyWhitespace: true,
    minifySyntax: true,
    // THIRD_PARTY_LICENSES.md has them whole.
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
  });
  for (const [file, name] of Object.entries(MODULES)) writeFileSync(path.join(folder, file), wrapper(name));
  for (const file of modulesOf(dist)) redirect(dist, file);
  return packagesOf(Object.keys(metafile.inputs));
}

/** A module with the exports of one that is CommonJS, by name too. */
function wrapper(name) {
  const names = Object.keys(require(name)).filter(
    (key) => /^[A-Za-z_$][\w$]*$/.test(key) && key !== "default",
  );
  return [
    'import vendored from "./vendored.cjs";',
    `const module = vendored[${JSON.stringify(name)}];`,
    "export default module;",
    ...names.filter(canBeDeclared).map((key) => `export const ${key} = module.${key};`),
    "",
  ].join("\n");
}

/** Whether it is no reserved word. */
function canBeDeclared(key) {
  try {
    new Function(`"use strict"; const ${key} = 0;`);
    return key !== "module" && key !== "vendored";
  } catch {
    return false;
  }
}

function modulesOf(dist) {
  return readdirSync(dist, { recursive: true, encoding: "utf8" }).filter(
    (file) => file.endsWith(".js") && !/^(vendor|web)[\\/]/.test(file),
  );
}

function redirect(dist, file) {
  const target = path.join(dist, file);
  const text = readFileSync(target, "utf8");
  const changed = text.replace(IMPORT, (whole, before, quote, specifier) => {
    const stand = Object.keys(MODULES).find((name) => MODULES[name] === specifier);
    if (!stand) {
      if (VENDORED.some((name) => specifier === name || specifier.startsWith(`${name}/`)))
        throw new Error(`dist/${file} imports ${specifier}, which scripts/packages/vendor.mjs does not know`);
      return whole;
    }
    const relative = path.relative(path.dirname(file), path.join("vendor", stand)).split(path.sep).join("/");
    return `${before}${quote}${relative.startsWith(".") ? relative : `./${relative}`}${quote}`;
  });
  if (changed !== text) writeFileSync(target, changed);
}

/** The folders of the packages that files belong to. */
function packagesOf(files) {
  const folders = files.map((file) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1]);
  return [...new Set(folders.filter(Boolean))].map((folder) => path.join(ROOT, folder)).sort();
}
