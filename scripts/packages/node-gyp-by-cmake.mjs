#!/usr/bin/env node
// Stands in for node-gyp where prebuildify calls it, in a folder of its own: brings build/Release up to date with every
// CPU variant, unless AGORA_AS_BUILT is set, and copies what belongs into a prebuilt package to that folder's.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..", "..");
const built = path.join(root, "build", "Release");
const target = path.join(process.cwd(), "build", "Release");

if (!process.env.AGORA_AS_BUILT) {
  const { status } = spawnSync(process.execPath, [path.join(root, "scripts", "build-native.mjs")], {
    stdio: "inherit",
    env: { ...process.env, AGORA_CPU_VARIANTS: process.env.AGORA_CPU_VARIANTS || "all" },
  });
  if (status !== 0) process.exit(status ?? 1);
}
mkdirSync(target, { recursive: true });
for (const name of readdirSync(built)) {
  // The CUDA backend needs libraries that few have, and is ten times as large as the rest.
  if (/\.(node|so)$/.test(name) && !name.includes("cuda")) {
    copyFileSync(path.join(built, name), path.join(target, name));
  }
}
