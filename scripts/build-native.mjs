// Builds the addon and its CPU backends into build/Release with CMake.
//
//   node scripts/build-native.mjs           this machine's CPU variant
//   AGORA_CPU_VARIANTS=all …                every CPU variant
//   node scripts/build-native.mjs --cuda    the CUDA backend too
//   AGORA_WHISPER_CPP_DIR=/path …           another checkout of whisper.cpp
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { whisperCppDirectory } from "./whisper-cpp-directory.mjs";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const require = createRequire(import.meta.url);

function fail(message) {
  console.error(`agora-transcribe: ${message}`);
  process.exit(1);
}

function need(program, hint) {
  if (spawnSync(program, ["--version"], { stdio: "ignore" }).error) fail(`${program} was not found. ${hint}`);
}

const install = "`bash scripts/setup.sh` installs what the build needs (Debian, Ubuntu).";
need("cmake", install);
need(process.env.CXX ?? "c++", install);

const cuda = process.argv.includes("--cuda");
if (cuda && !process.env.CUDACXX && spawnSync("nvcc", ["--version"], { stdio: "ignore" }).error) {
  fail("No CUDA toolkit: nvcc was not found. Install NVIDIA's CUDA toolkit, or set CUDACXX to its nvcc.");
}

const settings = {
  AGORA_OUTPUT_DIR: path.join(root, "build", "Release"),
  AGORA_WHISPER_CPP_DIR: whisperCppDirectory(),
  AGORA_CPU_VARIANTS: process.env.AGORA_CPU_VARIANTS ?? "native",
  GGML_CUDA: cuda ? "ON" : "OFF",
};
const result = spawnSync(
  process.execPath,
  [
    require.resolve("cmake-js/bin/cmake-js"),
    "compile",
    // node-gyp has files of its own in build/.
    "--out",
    path.join(root, "build", "cmake"),
    ...Object.entries(settings).map(([name, value]) => `--CD${name}=${value}`),
    "--parallel",
    process.env.AGORA_BUILD_JOBS ?? String(availableParallelism()),
  ],
  { cwd: root, stdio: "inherit" },
);
process.exit(result.status ?? 1);
