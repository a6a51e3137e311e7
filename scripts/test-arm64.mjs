// Builds what the engine has for 64-bit Arm with a cross-compiler, and runs its tests by an emulator as processors of three
// generations. Of ggml it builds the backend that asks most of a compiler. Needs g++-aarch64-linux-gnu and qemu-user-static (names of Debian and Ubuntu).
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
const ADDON_BUILD = path.join(ROOT, "build", "addon-arm64");
/** For the newest processors, whose instructions not every compiler knows. */
const BACKEND = "ggml-cpu-armv9.2_2";

for (const tool of ["aarch64-linux-gnu-g++", EMULATOR]) {
  if (spawnSync(tool, ["--version"]).error) {
    console.error(`${tool} was not found: install g++-aarch64-linux-gnu and qemu-user-static`);
    process.exit(1);
  }
}

function build(folder, target, ...settings) {
  run("cmake", [
    ...["-S", ROOT, "-B", folder, "-DCMAKE_BUILD_TYPE=Release"],
    `-DCMAKE_TOOLCHAIN_FILE=${path.join(ROOT, "native", "cmake", "aarch64-linux.cmake")}`,
    `-DAGORA_WHISPER_CPP_DIR=${whisperCppDirectory()}`,
    ...settings,
  ]);
  run("cmake", ["--build", folder, "--target", target, "--parallel", String(availableParallelism())]);
}

build(ADDON_BUILD, BACKEND, "-DAGORA_CPU_VARIANTS=all");
build(BUILD, "kernel_tests", "-DAGORA_TESTS=ON");
for (const processor of PROCESSORS) {
  console.log(processor);
  run(EMULATOR, ["-L", SYSTEM, "-cpu", processor, path.join(BUILD, "Release", "kernel_tests")]);
}
