// Reads mutated recordings, checkpoints and model files: see docs/robustness.md.
//
//   npm run fuzz -- [--runs N] [--seed S] [--first I] [--only native|typescript [--reader NAME]] [--plain]
//
// The readers in C++ are built with AddressSanitizer and UndefinedBehaviorSanitizer, which takes minutes the first time;
// with --plain they are built without.
import { parseArgs } from "node:util";
import { buildNativeTests, fuzzNative, run } from "./build-native-tests.mjs";

const number = { type: "string" };
const { values } = parseArgs({
  options: {
    runs: { ...number, default: "300" },
    seed: { ...number, default: "1" },
    first: { ...number, default: "0" },
    reader: { type: "string" },
    only: { type: "string" },
    plain: { type: "boolean", default: false },
  },
});
const { runs, seed, first, reader, only, plain } = values;
if (only !== undefined && !["native", "typescript"].includes(only)) {
  console.error(`Expected native or typescript for --only but received ${JSON.stringify(only)}`);
  process.exit(1);
}
if (reader && !only) {
  console.error("A reader belongs to one language: say --only native or --only typescript too");
  process.exit(1);
}
const args = ["--runs", runs, "--seed", seed, "--first", first, ...(reader ? ["--reader", reader] : [])];

if (only !== "native") {
  run(process.execPath, [
    ...["--import", "./test/support/typescript-loader.mjs", "--expose-gc"],
    ...["test/fuzz/main.ts", ...args],
  ]);
}
if (only !== "typescript") fuzzNative(buildNativeTests(plain ? "" : "address,undefined"), args);
