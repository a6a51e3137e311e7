// Builds and runs the tests of native/engine, a program of its own without Node.js, then reads some mutated model files.
//
//   node scripts/test-native.mjs                          plain
//   node scripts/test-native.mjs --sanitize=address,undefined
//   node scripts/test-native.mjs --sanitize=thread        those with several threads: it is ten times slower than the others
//   node scripts/test-native.mjs -tc="words*"              those of that name: every other argument goes to doctest
import path from "node:path";
import { buildNativeTests, fuzzNative, run } from "./build-native-tests.mjs";

const SANITIZE = "--sanitize=";
/** Of each reader; `npm run fuzz` does more. */
const FUZZ_RUNS = 100;

const sanitize = process.argv.find((argument) => argument.startsWith(SANITIZE))?.slice(SANITIZE.length) ?? "";
const selection = process.argv.slice(2).filter((argument) => !argument.startsWith(SANITIZE));
const programs = buildNativeTests(sanitize);
const all = selection.length === 0;
if (sanitize === "thread") selection.push("--test-suite=threads");
run(path.join(programs, "engine_tests"), selection, {
  ASAN_OPTIONS: "detect_leaks=1:strict_string_checks=1:allocator_may_return_null=1",
});
if (all && sanitize !== "thread") fuzzNative(programs, ["--runs", String(FUZZ_RUNS)]);
