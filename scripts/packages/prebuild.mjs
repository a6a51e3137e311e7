import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { crossCompiler } from "../cross-compilers.mjs";
import { NAME, ROOT, systemName, thisPlatform } from "./manifest.mjs";

/**
 * Makes `prebuilds/<os>-<cpu>` in `folder` by prebuildify: the addon and the backends of every CPU generation, stripped.
 * Those for another system than this one are made by a cross-compiler.
 * @param {import("./manifest.mjs").Platform} platform
 * @param {string} folder
 * @param {{ asBuilt: boolean }} options `asBuilt`: take build/Release as it is
 */
export function prebuild(platform, folder, { asBuilt }) {
  const { os, cpu, libc } = platform;
  const name = systemName(platform);
  const other = name === systemName(thisPlatform()) ? undefined : crossCompiler(name);
  const work = path.join(ROOT, "build", `prebuildify-${os}-${cpu}-${libc}`);
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  writeFileSync(path.join(work, "package.json"), JSON.stringify({ name: NAME }));
  const prebuildify = path.join(
    path.dirname(createRequire(import.meta.url).resolve("prebuildify")),
    "bin.js",
  );
  const options = ["--napi", "--strip", `--platform=${os}`, `--arch=${cpu}`, `--libc=${libc}`, "--tag-libc"];
  const { status } = spawnSync(
    process.execPath,
    [prebuildify, ...options, `--out=${folder}`, `--cwd=${work}`],
    {
      cwd: ROOT,
      stdio: ["ignore", 2, 2],
      env: {
        ...process.env,
        // CMake builds what has changed; node-gyp would fetch headers and build everything again.
        PREBUILD_NODE_GYP: fileURLToPath(new URL("node-gyp-by-cmake.mjs", import.meta.url)),
        AGORA_AS_BUILT: asBuilt ? "1" : "",
        AGORA_BUILD_FOR: other ? name : "",
        ...(other && { PREBUILD_STRIP_BIN: other.strip }),
      },
    },
  );
  rmSync(work, { recursive: true, force: true });
  if (status !== 0) throw new Error("prebuildify failed; the reason is above");
}
