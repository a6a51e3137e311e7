import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { whisperCppDirectory } from "./whisper-cpp-directory.mjs";

/** The repository. */
export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");

/** Models that the native tests read. */
export const FIXTURES = path.join(ROOT, "build", "native-fixtures");

const ENVIRONMENT = {
  UBSAN_OPTIONS: "print_stacktrace=1",
  TSAN_OPTIONS: "halt_on_error=1",
};

/** Runs a program to its end, and ends this one with its exit code when that is not 0. */
export function run(program, args, env = {}) {
  const { status, signal } = spawnSync(program, args, {
    cwd: ROOT,
    stdio: "inherit",
    env: { ...process.env, ...ENVIRONMENT, ...env },
  });
  if (signal) console.error(`${path.basename(program)} was ended by ${signal}`);
  if (status !== 0) process.exit(status ?? 1);
}

/**
 * Builds the tests of native/engine, programs of their own without Node.js, and the models they read.
 * @param sanitize GCC's sanitizers, e.g. "address,undefined"; "": none
 * @returns the folder of the programs
 */
export function buildNativeTests(sanitize) {
  const build = path.join(ROOT, "build", sanitize ? `tests-${sanitize.replaceAll(",", "-")}` : "tests");
  run(process.execPath, [
    "--import",
    "./test/support/typescript-loader.mjs",
    "test/support/native-fixtures.ts",
    FIXTURES,
  ]);
  run("cmake", [
    "-S",
    ROOT,
    "-B",
    build,
    // Without a sanitizer as the addon's, so that a compiler's cache has these objects already.
    `-DCMAKE_BUILD_TYPE=${sanitize ? "RelWithDebInfo" : "Release"}`,
    "-DAGORA_TESTS=ON",
    `-DAGORA_SANITIZE=${sanitize}`,
    `-DAGORA_WHISPER_CPP_DIR=${whisperCppDirectory()}`,
  ]);
  run("cmake", ["--build", build, "--parallel", String(availableParallelism())]);
  return path.join(build, "Release");
}

/** Reads `runs` mutated files with each native reader. */
export function fuzzNative(folder, args) {
  run(path.join(folder, "engine_fuzz"), [FIXTURES, ...args], {
    // Nothing that a small file claims may have this much reserved.
    ASAN_OPTIONS: "detect_leaks=1:strict_string_checks=1:max_allocation_size_mb=256",
    AGORA_FUZZ_STATUS: path.join(folder, "engine_fuzz.status"),
  });
}
