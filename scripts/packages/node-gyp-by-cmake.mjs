#!/usr/bin/env node
// Stands in for node-gyp where prebuildify calls it, in a folder of its own: brings the build for the system that
// AGORA_BUILD_FOR names, if it is not this one, up to date with every CPU variant, unless AGORA_AS_BUILT is set, and copies
// what belongs into a prebuilt package to that folder's build/Release.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..", "..");
const { AGORA_AS_BUILT, AGORA_BUILD_FOR, AGORA_CPU_VARIANTS } = process.env;
const built = path.join(root, "build", AGORA_BUILD_FOR ? `${AGORA_BUILD_FOR}/build/Release` : "Release");
const target = path.join(process.cwd(), "build", "Release");

if (!AGORA_AS_BUILT) {
  const args = [
    path.join(root, "scripts", "build-native.mjs"),
    ...(AGORA_BUILD_FOR ? ["--for", AGORA_BUILD_FOR] : []),
  ];
  const { status } = spawnSync(process.execPath, args, {
    stdio: "inherit",
    env: { ...process.env, AGORA_CPU_VARIANTS: AGORA_CPU_VARIANTS || "all" },
  });
  if (status !== 0) process.exit(status ?? 1);
}
mkdirSync(target, { recursive: true });
for (const name of readdirSync(built)) {
  // The CUDA backend needs libraries that few have, and is ten times as large as the rest: it has a package of its own.
  if (/\.(node|so)$/.test(name) && !name.includes("cuda")) {
    copyFileSync(path.join(built, name), path.join(target, name));
  }
}
