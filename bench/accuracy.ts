/**
 * Word error rates side by side, same model and options: this package, and whisper.cpp's own `whisper-cli` on the
 * windows that this package cuts and on the uncut file.
 *
 *   npm run bench:accuracy
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { createTranscriber } from "../src/index.js";
import { wordErrorRate } from "../test/support/word-error-rate.js";
import { readTrack } from "./support/audio-windows.js";
import { buildPeer } from "./support/native-builds.js";
import { runWhisperCli } from "./support/whisper-cli.js";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const threads = os.availableParallelism();
const MAX_WINDOW = 20;
const models = { q8_0: "models/agora-demo-q8_0.bin", f16: "test/fixtures/agora-demo-f16.bin" };
const recordings = [
  { file: "sales-call-en.wav", language: "en" },
  { file: "sales-call-ru.wav", language: "ru" },
  { file: "long-call-en.flac", language: "en" },
];

const program = buildPeer().cli;
const rows = [];
for (const [type, file] of Object.entries(models)) {
  const model = path.join(root, file);
  const options = { model, threads, vadModel: null };
  const batched = await createTranscriber({ ...options, implementation: "whisper" });
  const sequential = await createTranscriber({ ...options, implementation: "whisper-cpp" });
  for (const { file: name, language } of recordings) {
    const recording = path.join(root, "samples", name);
    const reference = readFileSync(recording.replace(/\.\w+$/, ".txt"), "utf8");
    const percent = (text: string) => Number((100 * wordErrorRate(reference, text).rate).toFixed(2));
    const { whole, windows } = await readTrack(recording, MAX_WINDOW);
    const cli = (samples: Float32Array) => runWhisperCli(program, samples, { model, language, threads });
    const request = { language, chunkLength: MAX_WINDOW };
    const first = await batched.transcribe(recording, request);
    const second = await sequential.transcribe(recording, request);
    rows.push({
      recording: name,
      model: `demo ${type}`,
      whisper: percent(first.text),
      "whisper-cpp": percent(second.text),
      "whisper-cli, same windows": percent(windows.map(cli).join(" ")),
      "whisper-cli, whole file": percent(cli(whole)),
    });
  }
  await batched.close();
  await sequential.close();
}

console.log("Word error rate in %, greedy:");
console.table(rows);
mkdirSync(path.join(root, "build", "bench"), { recursive: true });
writeFileSync(
  path.join(root, "build", "bench", "accuracy.json"),
  JSON.stringify({ cpu: os.cpus()[0]?.model, threads, maxWindow: MAX_WINDOW, rows }, null, 2),
);
