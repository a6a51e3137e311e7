// Runs on `npm install`: takes a prebuilt addon where there is one that loads, else builds from source.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const require = createRequire(import.meta.url);

function hasPrebuilt() {
  if (process.env.npm_config_build_from_source === "true") return false;
  try {
    const addon = require("node-gyp-build").resolve(root);
    if (!addon.includes(`${path.sep}prebuilds${path.sep}`)) return false;
    // In a process of its own: a broken binary must not take the installation down.
    return spawnSync(process.execPath, ["-e", `require(${JSON.stringify(addon)})`]).status === 0;
  } catch {
    return false;
  }
}

if (!hasPrebuilt()) {
  console.error("agora-transcribe: building the native addon from source; this takes a few minutes.");
  process.exit(
    spawnSync(process.execPath, [path.join(root, "scripts", "build-native.mjs")], { stdio: "inherit" })
      .status ?? 1,
  );
}
