// Runs on `npm install`: takes a prebuilt addon where there is one that loads, else builds from source.
// `npm install --build-from-source` always builds.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const require = createRequire(import.meta.url);
const { npm_config_build_from_source: fromSource } = process.env;

function hasPrebuilt() {
  try {
    const addon = require("node-gyp-build").resolve(root);
    if (!addon.includes(`${path.sep}prebuilds${path.sep}`)) return false;
    // In a process of its own: a broken binary must not take the installation down.
    const { status } = spawnSync(process.execPath, ["-e", `require(${JSON.stringify(addon)})`]);
    if (status !== 0) console.error("agora-transcribe: the prebuilt addon does not load on this system.");
    return status === 0;
  } catch {
    return false;
  }
}

if (fromSource === "true" || fromSource === "agora-transcribe" || !hasPrebuilt()) {
  console.error(
    "agora-transcribe: building the native addon from source; the first time takes a few minutes.",
  );
  const build = path.join(root, "scripts", "build-native.mjs");
  process.exit(spawnSync(process.execPath, [build], { stdio: "inherit" }).status ?? 1);
}
