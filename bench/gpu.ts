/**
 * The work of bench/gpu.sh: checks of the CUDA backend that need a GPU, and its speed.
 *
 *   --rehearse    with the CPU in the GPU's place and the demo model, to see whether this program works
 */
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createTranscriber, type Transcriber, type TranscriberOptions } from "../src/index.js";
import { F16_MODEL, samplePath } from "../test/support/samples.js";
import { wordErrorRate } from "../test/support/word-error-rate.js";
import { fixedTokens } from "./speed/requests.js";
import { SHAPES, writeRandomModel } from "./support/random-model.js";

/** Rounding differs between devices, and with it now and then a word. */
const MOST_DIFFERENT_WORDS = 0.02;
/** What the driver keeps for a process that used the GPU once. */
const MOST_KEPT_MIB = 64;
const CANCELLED_WITHIN_S = 2;
/** Tokens of a window of random weights, which would never end. */
const TOKENS = 60;
const RANDOM = fileURLToPath(new URL("../build/bench/models/small-f16.bin", import.meta.url));
const LONG_CALL = samplePath("long-call-en.flac");

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rehearse: { type: "boolean", default: false } },
});
const [model, audio = LONG_CALL] = positionals;
const device = values.rehearse ? "cpu" : "cuda";
const failures: string[] = [];

function check(what: string, isGood: boolean, found: string): void {
  console.log(`- ${isGood ? "good" : "BAD"}: ${what}: ${found}`);
  if (!isGood) failures.push(what);
}

async function open(options: TranscriberOptions): Promise<Transcriber> {
  return createTranscriber({ vadModel: null, download: false, ...options });
}

async function textOf(options: TranscriberOptions, file: string): Promise<string> {
  const transcriber = await open(options);
  try {
    // The 16-bit form of the demo model does not say that it was trained on windows of 20 seconds.
    const windows = options.model === F16_MODEL ? { chunkLength: 20 } : {};
    return (await transcriber.transcribe(file, { language: "en", ...windows })).text;
  } finally {
    await transcriber.close();
  }
}

/** MiB of the GPU that are in use, by all programs. */
function usedMemory(): number {
  if (values.rehearse) return process.memoryUsage.rss() / 2 ** 20;
  const query = ["--query-gpu=memory.used", "--format=csv,noheader,nounits", "--id=0"];
  return Number(execFileSync("nvidia-smi", query, { encoding: "utf8" }));
}

async function checkTexts(): Promise<void> {
  console.log("\n## Text\n");
  const models = { q8_0: "demo", f16: F16_MODEL, ...(model && { [path.basename(model)]: model }) };
  for (const [name, file] of Object.entries(models)) {
    for (const implementation of ["whisper", "whisper-cpp"] as const) {
      const recording = file === model ? audio : samplePath("sales-call-en.wav");
      const onCpu = await textOf({ model: file, implementation, device: "cpu" }, recording);
      const onGpu = await textOf({ model: file, implementation, device }, recording);
      const { rate } = wordErrorRate(onCpu, onGpu);
      const found = `${(100 * rate).toFixed(2)} % of the words differ`;
      check(`${implementation}, ${name}: the CPU's`, rate <= MOST_DIFFERENT_WORDS && onGpu !== "", found);
    }
  }
}

async function checkMemory(options: TranscriberOptions): Promise<void> {
  console.log("\n## Memory of the GPU\n");
  await textOf(options, samplePath("sales-call-en.wav"));
  const before = usedMemory();
  let most = 0;
  for (let round = 0; round < 3; round++) {
    const transcriber = await open(options);
    await Promise.all(
      Array.from({ length: 8 }, () =>
        transcriber.transcribe(samplePath("sales-call-en.wav"), request(options)),
      ),
    );
    most = Math.max(most, usedMemory());
    await transcriber.close();
  }
  const kept = usedMemory() - before;
  console.log(`With the model and eight recordings at once ${(most - before).toFixed(0)} MiB.\n`);
  check(
    "it is given back",
    values.rehearse || kept <= MOST_KEPT_MIB,
    `${kept.toFixed(0)} MiB more after three times`,
  );
}

async function checkCancel(options: TranscriberOptions): Promise<void> {
  console.log("\n## Cancel\n");
  const transcriber = await open(options);
  const controller = new AbortController();
  const work = transcriber.transcribe(audio, { ...request(options), signal: controller.signal }).then(
    () => "it was done before",
    ({ code }) => code as string,
  );
  await new Promise((resolve) => setTimeout(resolve, 300));
  const start = performance.now();
  controller.abort();
  const outcome = await work;
  const seconds = (performance.now() - start) / 1000;
  const found = `${outcome} after ${seconds.toFixed(2)} s`;
  check("work stops", outcome === "CANCELLED" && seconds < CANCELLED_WITHIN_S, found);
  const { text } = await transcriber.transcribe(samplePath("sales-call-en.wav"), request(options));
  check("and the model works on", text !== undefined, "another recording was transcribed");
  await transcriber.close();
}

const request = ({ model: file }: TranscriberOptions) =>
  file === RANDOM ? fixedTokens(TOKENS) : ({ language: "en" } as const);

/** Seconds of audio in a second, the best of two. */
async function speedOf(options: TranscriberOptions): Promise<number> {
  const transcriber = await open(options);
  let best = 0;
  try {
    await transcriber.transcribe(samplePath("sales-call-en.wav"), request(options));
    for (let round = 0; round < 2; round++) {
      const start = performance.now();
      const { duration } = await transcriber.transcribe(audio, request(options));
      best = Math.max(best, duration / ((performance.now() - start) / 1000));
    }
  } finally {
    await transcriber.close();
  }
  return best;
}

async function measureSpeed(file: string): Promise<void> {
  console.log(`\n## Speed, ${path.basename(file)}\n\n| | seconds of audio in a second |\n|---|---|`);
  const rows: [string, TranscriberOptions][] = [
    ["whisper on the GPU", { device, implementation: "whisper" }],
    ["whisper.cpp on the GPU", { device, implementation: "whisper-cpp" }],
    ["whisper on the CPU", { device: "cpu", implementation: "whisper" }],
  ];
  for (const [name, options] of rows)
    console.log(`| ${name} | ${(await speedOf({ ...options, model: file })).toFixed(1)} |`);
}

const file = model ?? (values.rehearse ? "demo" : RANDOM);
if (file === RANDOM) {
  mkdirSync(path.dirname(RANDOM), { recursive: true });
  await writeRandomModel(RANDOM, { ...SHAPES.small, type: "f16", seed: 1 });
}
const { info, close } = await open({ model: "demo", device }).then((transcriber) => ({
  info: transcriber.info,
  close: () => transcriber.close(),
}));
console.log(`# ${info.device.name}`);
await close();
await checkTexts();
await checkMemory({ model: file, device });
await checkCancel({ model: file, device });
await measureSpeed(file);
console.log(`\n${failures.length === 0 ? "All checks are good." : `BAD: ${failures.join("; ")}`}`);
process.exitCode = failures.length === 0 ? 0 : 1;
