// Makes prebuilds/<platform>-<arch>: the addon and the backends of every CPU generation, for machines without a
// compiler. Run it as `npm run package:prebuilt`: npm brings node-gyp.
//
// A clean build of everything (node-gyp empties build/ first), on the oldest system that is to be served: a binary
// needs at least the glibc and libstdc++ of the system that made it.
import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const prebuildify = path.join(path.dirname(createRequire(import.meta.url).resolve("prebuildify")), "bin.js");

const env = { ...process.env, AGORA_CPU_VARIANTS: "all" };
// node-gyp downloads Node's headers unless it is told where they are; CMake needs none of them.
const nodePrefix = path.resolve(path.dirname(process.execPath), "..");
if (!env.npm_config_nodedir && existsSync(path.join(nodePrefix, "include", "node", "node_version.h"))) {
  env.npm_config_nodedir = nodePrefix;
}

rmSync(path.join(root, "prebuilds"), { recursive: true, force: true });
const args = [prebuildify, "--napi", "--strip", "--tag-libc"];
const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit", env });
process.exit(status ?? 1);
