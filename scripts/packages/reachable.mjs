import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";

/** What a module or declaration imports, statically or not, and threads that it starts. */
const IMPORT = /\b(?:from|import)\s*\(?\s*["'](\.[^"'\n]+)["']/g;
const THREAD = /\bmoduleUrl\("([^"\n]+)"\)/g;

/**
 * Deletes modules and declarations that no entry leads to: leftovers of earlier builds, and declarations that speak of
 * packages which users do not have.
 * @param {string} dist
 * @param {string[]} entries such as `index.js`
 */
export function keepReachable(dist, entries) {
  const reached = new Set();
  const follow = (file) => {
    if (reached.has(file) || !existsSync(path.join(dist, file))) return;
    reached.add(file);
    const text = readFileSync(path.join(dist, file), "utf8");
    const extension = file.endsWith(".d.ts") ? ".d.ts" : ".js";
    for (const [, specifier] of text.matchAll(IMPORT)) {
      follow(path.join(path.dirname(file), specifier.replace(/\.js$/, extension)));
    }
    for (const [, module] of text.matchAll(THREAD)) follow(module);
  };
  for (const entry of entries) follow(entry);
  const all = readdirSync(dist, { recursive: true, encoding: "utf8" });
  for (const file of all) {
    if (/\.(js|d\.ts|map)$/.test(file) && !file.startsWith("web") && !reached.has(file))
      rmSync(path.join(dist, file));
  }
}
