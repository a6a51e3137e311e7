// Builds what the engine has for 64-bit Arm with a cross-compiler, and runs its tests by an emulator as processors of three
// generations. Needs g++-aarch64-linux-gnu and qemu-user-static (names of Debian and Ubuntu).
import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import path from "node:path";
import { ROOT, run } from "./build-native-tests.mjs";
import { whisperCppDirectory } from "./whisper-cpp-directory.mjs";

/** As QEMU calls them: without sums of bytes (Raspberry Pi 4), with them (Graviton 2), and with all there is. */
const PROCESSORS = ["cortex-a72", "neoverse-n1", "max"];
const EMULATOR = "qemu-aarch64-static";
/** Where Debian has the libraries of the other machine. */
const SYSTEM = "/usr/aarch64-linux-gnu";
const BUILD = path.join(ROOT, "build", "tests-arm64");

for (const tool of ["aarch64-linux-gnu-g++", EMULATOR]) {
  if (spawnSync(tool, ["--version"]).error) {
    console.error(`${tool} was not found: install g++-aarch64-linux-gnu and qemu-user-static`);
    process.exit(1);
  }
}
run("cmake", [
  "-S",
  ROOT,
  "-B",
  BUILD,
  `-DCMAKE_TOOLCHAIN_FILE=${path.join(ROOT, "native", "cmake", "aarch64-linux.cmake")}`,
  "-DCMAKE_BUILD_TYPE=Release",
  "-DAGORA_TESTS=ON",
  `-DAGORA_WHISPER_CPP_DIR=${whisperCppDirectory()}`,
]);
run("cmake", ["--build", BUILD, "--target", "kernel_tests", "--parallel", String(availableParallelism())]);
for (const processor of PROCESSORS) {
  console.log(processor);
  run(EMULATOR, ["-L", SYSTEM, "-cpu", processor, path.join(BUILD, "Release", "kernel_tests")]);
}
