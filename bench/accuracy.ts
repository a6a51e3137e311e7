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
import { openAudio } from "../src/audio/open.js";
import { DEFAULT_AUDIO_LIMITS } from "../src/config/limits.js";
import { createTranscriber } from "../src/index.js";
import { Windower } from "../src/pipeline/windows.js";
import { wordErrorRate } from "../test/support/word-error-rate.js";
import { buildWhisperCli, runWhisperCli } from "./support/whisper-cli.js";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const threads = os.availableParallelism();
const MAX_WINDOW = 20;
const models = { q8_0: "models/agora-demo-q8_0.bin", f16: "test/fixtures/agora-demo-f16.bin" };
const recordings = [
  { file: "sales-call-en.wav", language: "en" },
  { file: "sales-call-ru.wav", language: "ru" },
  { file: "long-call-en.flac", language: "en" },
];

async function readTrack(file: string): Promise<{ whole: Float32Array; windows: Float32Array[] }> {
  const audio = await openAudio(file, { channels: "mix", limits: DEFAULT_AUDIO_LIMITS });
  const windower = new Windower({ maxWindow: MAX_WINDOW, vad: undefined, vadOptions: {} as never });
  const blocks: Float32Array[] = [];
  const windows: Float32Array[] = [];
  for await (const [block] of audio.blocks()) {
    blocks.push(block!);
    windows.push(...(await windower.push(block!)).map((window) => window.samples));
  }
  windows.push(...(await windower.flush()).map((window) => window.samples));
  await audio.close();
  const whole = new Float32Array(blocks.reduce((sum, block) => sum + block.length, 0));
  let offset = 0;
  for (const block of blocks) {
    whole.set(block, offset);
    offset += block.length;
  }
  return { whole, windows };
}

const program = buildWhisperCli();
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
    const { whole, windows } = await readTrack(recording);
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
