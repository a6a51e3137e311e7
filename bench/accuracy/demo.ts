/**
 * Word error rates with the demo model side by side, same model and options: this package in every compute type, and whisper.cpp's own
 * `whisper-cli` on the windows that this package cuts and on the uncut file. With them how far segments and words are
 * from whisper.cpp's and from the truth.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { COMPUTE_TYPES, createTranscriber } from "../../src/index.js";
import { timeErrors } from "../../test/support/time-errors.js";
import { wordErrorRate } from "../../test/support/word-error-rate.js";
import { readTrack } from "../support/audio-windows.js";
import { buildPeer } from "../support/native-builds.js";
import { runWhisperCli } from "../support/whisper-cli.js";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..", "..");
const threads = os.availableParallelism();
const MAX_WINDOW = 20;
const models = { q8_0: "models/agora-demo-q8_0.bin", f16: "test/fixtures/agora-demo-f16.bin" };
const computeTypes = COMPUTE_TYPES.filter((type) => type !== "auto");
const recordings = [
  { file: "sales-call-en.wav", language: "en" },
  { file: "sales-call-ru.wav", language: "ru" },
  { file: "sales-call-en.stereo.wav", language: "en" },
  { file: "sales-call-ru.stereo.wav", language: "ru" },
  { file: "long-call-en.flac", language: "en" },
];
const milliseconds = (errors: readonly number[]) =>
  Math.round(1000 * [...errors].sort((a, b) => a - b)[Math.floor(errors.length / 2)]!);

const program = buildPeer().cli;
const rows = [];
for (const [type, file] of Object.entries(models)) {
  const model = path.join(root, file);
  const options = { model, threads, vadModel: null };
  const sequential = await createTranscriber({ ...options, implementation: "whisper-cpp" });
  const batched = [];
  for (const computeType of computeTypes)
    batched.push(await createTranscriber({ ...options, implementation: "whisper", computeType }));
  for (const { file: name, language } of recordings) {
    const recording = path.join(root, "samples", name);
    const call = path.join(root, "samples", name.split(".")[0]!);
    const reference = readFileSync(`${call}.txt`, "utf8");
    const { turns } = JSON.parse(readFileSync(`${call}.json`, "utf8"));
    const row = (program: string, text: string) => ({
      recording: name,
      model: `demo ${type}`,
      program,
      "word errors, %": Number((100 * wordErrorRate(reference, text).rate).toFixed(2)),
    });
    const request = { language, chunkLength: MAX_WINDOW };
    const expected = await sequential.transcribe(recording, request);
    rows.push(row("whisper-cpp", expected.text));
    for (const [i, transcriber] of batched.entries()) {
      const result = await transcriber.transcribe(recording, { ...request, wordTimestamps: true });
      const ends = result.segments.map(({ words }) => ({ ...words![0]!, end: words!.at(-1)!.end }));
      const errors = timeErrors(turns, ends);
      rows.push({
        ...row(`whisper, ${computeTypes[i]}`, result.text),
        "segments from whisper-cpp's, ms": milliseconds(timeErrors(expected.segments, result.segments)),
        "first words from the truth, ms": milliseconds(errors.filter((_, side) => side % 2 === 0)),
        "last words from the truth, ms": milliseconds(errors.filter((_, side) => side % 2 === 1)),
      });
    }
    const { whole, windows } = await readTrack(recording, MAX_WINDOW);
    const cli = (samples: Float32Array) => runWhisperCli(program, samples, { model, language, threads });
    rows.push(row("whisper-cli, same windows", windows.map(cli).join(" ")));
    rows.push(row("whisper-cli, whole file", cli(whole)));
  }
  for (const transcriber of [sequential, ...batched]) await transcriber.close();
}

console.log("Greedy; times are medians:");
console.table(rows);
mkdirSync(path.join(root, "build", "bench"), { recursive: true });
writeFileSync(
  path.join(root, "build", "bench", "accuracy.json"),
  JSON.stringify({ cpu: os.cpus()[0]?.model, threads, maxWindow: MAX_WINDOW, rows }, null, 2),
);
