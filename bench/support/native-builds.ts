import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
// @ts-expect-error: a script without types
import { whisperCppDirectory } from "../../scripts/whisper-cpp-directory.mjs";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..", "..");

/** whisper.cpp for this machine, from the source that the addon is built from. */
export function buildPeer(): { cli: string; bench: string } {
  const build = path.join(root, "build", "peer");
  cmake(path.join(root, "bench", "peer"), build, [], ["whisper-cli", "peer-bench"]);
  return { cli: path.join(build, "bin", "whisper-cli"), bench: path.join(build, "bin", "peer-bench") };
}

/** The program that measures the engine's classes. */
export function buildEngineBench(): string {
  const build = path.join(root, "build", "bench-native");
  cmake(root, build, ["-DAGORA_BENCH=ON"], ["engine-bench"]);
  return path.join(build, "Release", "engine-bench");
}

/** Of the source that both sides are built from. */
export function whisperCppVersion(): string | undefined {
  const text = readFileSync(path.join(whisperCppDirectory(), "CMakeLists.txt"), "utf8");
  return /project\("?whisper\.cpp"? VERSION ([\d.]+)/.exec(text)?.[1];
}

/** Builds what is not up to date. */
function cmake(source: string, build: string, options: string[], targets: string[]): void {
  const cache = path.join(build, "CMakeCache.txt");
  if (!existsSync(cache)) {
    console.error(`Building ${targets.join(" and ")}, once …`);
  } else if (!readFileSync(cache, "utf8").includes(`CMAKE_HOME_DIRECTORY:INTERNAL=${source}\n`)) {
    // CMake refuses a folder that was made for another source.
    rmSync(build, { recursive: true });
  }
  const settings = ["-DCMAKE_BUILD_TYPE=Release", `-DAGORA_WHISPER_CPP_DIR=${whisperCppDirectory()}`];
  run("-S", source, "-B", build, ...settings, ...options);
  run("--build", build, "--target", ...targets, "--parallel", String(os.availableParallelism()));
}

function run(...args: string[]): void {
  const { status, stdout } = spawnSync("cmake", args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`cmake ${args.join(" ")} failed:\n${stdout}`);
}
