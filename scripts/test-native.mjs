// Builds and runs the tests of native/engine, a program of its own without Node.js.
//
//   node scripts/test-native.mjs                          plain
//   node scripts/test-native.mjs --sanitize=address,undefined
//   node scripts/test-native.mjs --sanitize=thread        those with several threads: it is ten times slower than the others
//   node scripts/test-native.mjs -tc="words*"              those of that name: every other argument goes to doctest
import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { whisperCppDirectory } from "./whisper-cpp-directory.mjs";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const sanitize =
  process.argv.find((argument) => argument.startsWith("--sanitize="))?.slice("--sanitize=".length) ?? "";
const build = path.join(root, "build", sanitize ? `tests-${sanitize.replaceAll(",", "-")}` : "tests");

function run(program, args, env = {}) {
  const { status } = spawnSync(program, args, {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ...env },
  });
  if (status !== 0) process.exit(status ?? 1);
}

run(process.execPath, [
  "--import",
  "./test/support/typescript-loader.mjs",
  "test/support/native-fixtures.ts",
  path.join(root, "build", "native-fixtures"),
]);
run("cmake", [
  "-S",
  root,
  "-B",
  build,
  "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
  "-DAGORA_TESTS=ON",
  `-DAGORA_SANITIZE=${sanitize}`,
  `-DAGORA_WHISPER_CPP_DIR=${whisperCppDirectory()}`,
]);
run("cmake", ["--build", build, "--parallel", String(availableParallelism())]);
const selection = process.argv.slice(2).filter((argument) => !argument.startsWith("--sanitize="));
if (sanitize === "thread") selection.push("--test-suite=threads");
run(path.join(build, "Release", "engine_tests"), selection, {
  ASAN_OPTIONS: "detect_leaks=1:strict_string_checks=1:allocator_may_return_null=1",
  UBSAN_OPTIONS: "print_stacktrace=1",
  TSAN_OPTIONS: "halt_on_error=1",
});
