// Builds the addon and its backends into build/Release with CMake. What is up to date is not built again.
// `agora-transcribe build` runs it, from a package of the sources or from a clone.
//
//   node scripts/build-native.mjs             this machine's CPU variant
//   node scripts/build-native.mjs --cuda      the CUDA backend too; --no-cuda leaves it out again
//   node scripts/build-native.mjs --out DIR   into build/Release of another folder; what is compiled on the way goes
//                                             there too where the sources cannot be written to
//   node scripts/build-native.mjs --for linux-arm64-gnu
//                                             for another system, by a cross-compiler: into build/linux-arm64-gnu
//   node scripts/build-native.mjs --cuda-only the CUDA backend for other machines, and nothing else: into build/cuda
//   node scripts/build-native.mjs --configure-only
//                                             only what CMake checks before it compiles
//
// Environment; a setting that is not given stays as it was in the last build:
//   AGORA_CPU_VARIANTS=native|all             this machine's CPU variant, or every one
//   AGORA_CUDA_ARCHITECTURES=90-real          as CMAKE_CUDA_ARCHITECTURES; by default this machine's GPU, else all
//   AGORA_WHISPER_CPP_DIR=/path               another checkout of whisper.cpp
//   AGORA_BUILD_JOBS=n                        compilers at once; by default one per core
//   CXX, CUDACXX, CUDA_HOME                   compilers
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { crossCompiler } from "./cross-compilers.mjs";
import { whisperCppDirectory } from "./whisper-cpp-directory.mjs";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const cmakeJs = createRequire(import.meta.url).resolve("cmake-js/bin/cmake-js");

function fail(message) {
  console.error(`agora-transcribe: ${message}`);
  process.exit(1);
}

/** What follows `name` on the command line. */
function argument(name) {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : (process.argv[at + 1] ?? fail(`${name} needs a value`));
}

const runs = (program) => !spawnSync(program, ["--version"], { stdio: "ignore" }).error;

function needBuildTools() {
  const missing = [];
  if (cross && !runs(cross.compiler)) missing.push(`${cross.compiler} (${cross.install})`);
  if (!cross && !runs(process.env.CXX ?? "c++")) missing.push("a C++ compiler (g++)");
  if (!runs("cmake")) missing.push("CMake 3.18 or newer (cmake)");
  if (!runs("ninja") && !runs("make")) missing.push("make");
  if (missing.length > 0) {
    fail(
      `building from source needs ${missing.join(" and ")}, not found in PATH. ` +
        "Debian, Ubuntu: `apt-get install -y g++ make cmake`; Fedora, RHEL: `dnf install gcc-c++ make cmake`; " +
        "Alpine: `apk add g++ make cmake linux-headers`.",
    );
  }
}

/** nvcc as CUDACXX or CUDA_HOME name it, else from PATH, else from the toolkit's usual folder. */
function findNvcc() {
  const { CUDACXX, CUDA_HOME = process.env.CUDA_PATH } = process.env;
  const inFolder = (folder) => path.join(folder, "bin", "nvcc");
  const candidates = CUDACXX
    ? [CUDACXX]
    : CUDA_HOME
      ? [inFolder(CUDA_HOME)]
      : ["nvcc", inFolder("/usr/local/cuda")];
  return (
    candidates.find(runs) ??
    fail(
      `no CUDA toolkit: nvcc was not found (looked for ${candidates.join(", ")}). ` +
        "Install NVIDIA's CUDA toolkit, or set CUDA_HOME to its folder.",
    )
  );
}

/** This machine's GPUs in CMake's terms, e.g. "90-real", so that only their code is compiled. */
function ownCudaArchitectures() {
  const query = ["--query-gpu=compute_cap", "--format=csv,noheader"];
  const { status, stdout } = spawnSync("nvidia-smi", query, { encoding: "utf8" });
  const capabilities = status === 0 ? (stdout.match(/^\d+\.\d+$/gm) ?? []) : [];
  return [...new Set(capabilities)].map((capability) => `${capability.replace(".", "")}-real`).join(";");
}

function outputRoot() {
  const other = path.join(root, ...(purpose ? ["build", purpose] : []));
  return path.resolve(argument("--out") ?? other);
}

function isWritable(folder) {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Where CMake builds: beside the sources, where a clone is built again, unless others own them. */
function workDirectory() {
  const name = purpose ? `cmake-${purpose}` : "cmake";
  const own = path.join(root, "build", name);
  return isWritable(own) ? own : path.join(outputRoot(), "build", name);
}

function settings() {
  const { AGORA_CPU_VARIANTS, AGORA_CUDA_ARCHITECTURES } = process.env;
  const result = {
    AGORA_OUTPUT_DIR: path.join(outputRoot(), "build", "Release"),
    AGORA_WHISPER_CPP_DIR: whisperCppDirectory(),
  };
  if (AGORA_CPU_VARIANTS) result.AGORA_CPU_VARIANTS = AGORA_CPU_VARIANTS;
  if (cross) {
    result.CMAKE_TOOLCHAIN_FILE = path.join(root, "native", "cmake", cross.toolchain);
    // What this machine has says nothing of the other.
    result.AGORA_CPU_VARIANTS = "all";
  }
  if (process.argv.includes("--no-cuda")) result.GGML_CUDA = "OFF";
  if (cudaOnly) result.AGORA_CPU_VARIANTS = "all";
  if (cudaOnly || process.argv.includes("--cuda")) {
    result.GGML_CUDA = "ON";
    const nvcc = findNvcc();
    result.CMAKE_CUDA_COMPILER = nvcc;
    // CMake looks for the toolkit's libraries before it knows of the compiler.
    if (path.isAbsolute(nvcc)) result.CUDAToolkit_ROOT = path.resolve(nvcc, "..", "..");
    const architectures = AGORA_CUDA_ARCHITECTURES || (cudaOnly ? "" : ownCudaArchitectures());
    if (architectures) result.CMAKE_CUDA_ARCHITECTURES = architectures;
  }
  return result;
}

/**
 * The generator that the build folder was made with, or undefined for a new one. CMake refuses to change it, and
 * refuses a folder that was made for another place (a copied checkout): such a folder is made anew.
 */
function usedGenerator() {
  if (!existsSync(cacheFile)) return undefined;
  const text = readFileSync(cacheFile, "utf8");
  const value = (name) => new RegExp(`^${name}:INTERNAL=(.*)$`, "m").exec(text)?.[1];
  const generator = value("CMAKE_GENERATOR");
  if (value("CMAKE_HOME_DIRECTORY") === root && runs(generator === "Ninja" ? "ninja" : "make"))
    return generator;
  rmSync(buildDirectory, { recursive: true });
  return undefined;
}

function cmake(command, args) {
  // node-gyp has files of its own in build/.
  const common = [cmakeJs, command, "--log-level", "warn", "--out", buildDirectory];
  // All of it is progress: stdout belongs to whoever had this run.
  const { status } = spawnSync(process.execPath, [...common, ...args], {
    cwd: root,
    stdio: ["ignore", 2, 2],
  });
  if (status === 0) return;
  // Settings that do not work must not be the next build's.
  if (command === "configure") rmSync(cacheFile, { force: true });
  fail(`the native build failed while CMake was to ${command}; the reason is above.`);
}

const system = argument("--for");
const cudaOnly = process.argv.includes("--cuda-only");
/** What is built besides what this machine uses, which lies in a folder of that name. */
const purpose = cudaOnly ? "cuda" : system;
const cross = system && (crossCompiler(system) ?? fail(`there is no cross-compiler for ${system}`));
needBuildTools();
const buildDirectory = workDirectory();
const cacheFile = path.join(buildDirectory, "CMakeCache.txt");
const options = Object.entries(settings()).map(([name, value]) => `--CD${name}=${value}`);
const generator = usedGenerator();
if (generator) options.push("--generator", generator);
// Not `cmake-js compile`: that ignores settings once there is a build, and after a failure builds everything again.
cmake("configure", options);
if (!process.argv.includes("--configure-only")) {
  const parallel = ["--parallel", process.env.AGORA_BUILD_JOBS ?? String(availableParallelism())];
  cmake("build", [...parallel, ...(cudaOnly ? ["--target", "ggml-cuda"] : [])]);
}
