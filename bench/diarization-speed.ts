/**
 * How long it takes to tell the speakers of one channel apart, beside a transcription of the same recording in the same
 * run:
 *
 *   npm run bench:diarization-speed -- [--minutes 10] [--threads 2] [--type bf16] [--model FILE] [--whisper NAME|PATH]
 *
 * Without a model, one of Nemotron-3-Diarization's shape is made, whose random weights take the same time as learnt ones.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { createTranscriber, diarize } from "../src/index.js";
import { convertCheckpoint } from "../src/models/convert/convert-checkpoint.js";
import { NEMOTRON_SHAPE, writeRandomNemotron } from "./support/random-nemotron.js";

const RATE = 16_000;
const HEADER_BYTES = 44;
/** Steps of 27.2 s, each so many floating-point operations at Nemotron-3-Diarization's shape (docs/diarization.md). */
const STEP_SECONDS = 27.2;
const STEP_GFLOP = 163.6;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    threads: { type: "string", default: "2" },
    type: { type: "string", default: "bf16" },
    model: { type: "string" },
    whisper: { type: "string" },
  },
});
const threads = Number(values.threads);
const recording = { samples: callOf(60 * Number(values.minutes)), sampleRate: RATE };
const duration = recording.samples.length / RATE;

const folder = mkdtempSync(join(tmpdir(), "agora-diarization-speed-"));
try {
  const model = values.model ?? (await randomModel(values.type));
  console.log(
    `${(duration / 60).toFixed(1)} minutes, ${threads} threads, load ${loadavg()[0]!.toFixed(1)} before the run`,
  );
  // What is loaded stays for the second, which is timed.
  const first = { samples: recording.samples.subarray(0, RATE), sampleRate: RATE };
  await diarize(first, { model, threads });
  const { processingTime, speakers } = await diarize(recording, { model, threads });
  const rate = (duration / STEP_SECONDS) * (STEP_GFLOP / processingTime);
  report(basename(model), processingTime, `${rate.toFixed(0)} GFLOP/s, ${speakers.length} speakers`);
  if (values.whisper !== undefined) {
    const transcriber = await createTranscriber({ model: values.whisper, threads });
    const { stats } = await transcriber.transcribe(recording, { language: "en" });
    await transcriber.close();
    report(transcriber.info.model.name, stats.processingTime, "transcription");
    console.log(
      `diarization takes ${((100 * processingTime) / stats.processingTime).toFixed(0)} % of its time`,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function report(name: string, seconds: number, note: string): void {
  const hour = (3600 * seconds) / duration;
  console.log(
    `${name.padEnd(36)} ${seconds.toFixed(1).padStart(7)} s  ${(duration / seconds).toFixed(1).padStart(6)}×  ` +
      `an hour in ${hour.toFixed(0)} s  ${note}`,
  );
}

/** A sales call, again and again. */
function callOf(seconds: number): Float32Array {
  const bytes = readFileSync(new URL("../samples/sales-call-en.wav", import.meta.url)).subarray(HEADER_BYTES);
  const call = new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + (bytes.length & ~1)));
  return Float32Array.from({ length: seconds * RATE }, (_, i) => call[i % call.length]! / 32_768);
}

async function randomModel(type: string): Promise<string> {
  const source = join(folder, "nemotron-3-diarization");
  writeRandomNemotron(source, NEMOTRON_SHAPE);
  const request = { type, folder, overwrite: false, signal: undefined, onProgress: () => {} };
  const { files } = await convertCheckpoint(source, request);
  return files[0]!.path;
}
