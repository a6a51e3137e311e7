/**
 * Reads mutated files with the readers in TypeScript, as `npm run fuzz` does.
 *
 *   node --import ./test/support/typescript-loader.mjs test/fuzz/main.ts [--reader NAME] [--runs N] [--seed S] [--first I]
 *
 * A file that makes a reader hang is named after {@link HANG_SECONDS}, by a thread that watches.
 */
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { audioReaders } from "./audio-readers.js";
import { checkpointReaders } from "./checkpoint-readers.js";
import { ffmpegReader } from "./ffmpeg-reader.js";
import { fuzz } from "./run.js";

const HANG_SECONDS = 120;
/** A child for each: a tenth of the others' runs. */
const FFMPEG_SHARE = 10;
const PLACE_BYTES = 256;

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "300" },
    seed: { type: "string", default: "1" },
    first: { type: "string", default: "0" },
    reader: { type: "string" },
  },
});
const [runs, seed, first] = [values.runs, values.seed, values.first].map(Number) as [number, number, number];

const shared = new SharedArrayBuffer(4 + PLACE_BYTES);
const place = new Uint8Array(shared, 4);
const count = new Int32Array(shared, 0, 1);
const watch = new Worker(
  `const { workerData } = require("node:worker_threads");
   const { writeSync } = require("node:fs");
   const count = new Int32Array(workerData.shared, 0, 1);
   let last = -1;
   setInterval(() => {
     if (count[0] !== last) return void (last = count[0]);
     writeSync(2, "HANG " + Buffer.from(new Uint8Array(workerData.shared, 4)).toString().replace(/\\0.*/s, "") + "\\n");
     process.kill(process.pid, "SIGKILL");
   }, workerData.seconds * 1000);`,
  { eval: true, workerData: { shared, seconds: HANG_SECONDS } },
);
watch.unref();
const onRun = (text: string) => {
  place.fill(0).set(Buffer.from(text).subarray(0, PLACE_BYTES));
  Atomics.add(count, 0, 1);
};

const ffmpeg = ffmpegReader();
let faults = 0;
let known = 0;
for (const reader of [...audioReaders(), ...(await checkpointReaders()), ...(ffmpeg ? [ffmpeg] : [])]) {
  if (values.reader !== undefined && values.reader !== reader.name) continue;
  known++;
  const share = reader === ffmpeg && values.reader === undefined ? Math.ceil(runs / FFMPEG_SHARE) : runs;
  const summary = await fuzz(reader, { runs: share, seed, first, onRun });
  faults += summary.faults.length;
  for (const fault of summary.faults) console.log(`FAULT ${fault}`);
  const { refused, slowest, seconds } = summary;
  console.log(
    `${reader.name.padEnd(16)} ${share} runs, ${refused} refused, ${share - refused} read, ${summary.faults.length} faults, ${seconds.toFixed(1)} s, slowest ${slowest.toFixed(2)} s`,
  );
}
await ffmpeg?.settle();
if (values.reader === undefined || values.reader === "ffmpeg") {
  if (!ffmpeg) console.error("There is no FFmpeg: recordings that it decodes were left out");
}
if (known === 0) console.error(`There is no reader ${values.reader}`);
process.exitCode = known > 0 && faults === 0 ? 0 : 1;
