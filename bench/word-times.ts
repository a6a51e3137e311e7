/**
 * Word times against the truth: recordings that are built of shared utterances with known pauses, with and without
 * noise and as a telephone sends them, and of a synthetic voice word by word.
 *
 *   npm run bench:word-times -- MODEL [--vad VAD_MODEL] [--utterances N] [--peer PYTHON CTRANSLATE2_MODEL]
 *
 * PYTHON has faster-whisper. Prints medians and 90th percentiles of the distances in milliseconds.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createTranscriber } from "../src/index.js";
import { edgeErrors, quantile, type TimedWord } from "../test/support/edge-errors.js";
import { buildTruth, type TruthRecording } from "../test/support/word-time-truth.js";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const folder = path.join(root, "build", "bench", "word-times");
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    vad: { type: "string" },
    peer: { type: "boolean" },
    utterances: { type: "string", default: "21" },
    only: { type: "string" },
    implementation: { type: "string", default: "whisper" },
  },
});
const [model, python, peerModel] = positionals;
if (!model) throw new Error("Expected the path of a model");

const all = await buildTruth(folder, Number(values.utterances));
const recordings = all.filter(({ name }) => !values.only || values.only.split(",").includes(name));
const rows: object[] = [];
const words: Record<string, TimedWord[]> = {};

function note(program: string, { name, words: truth }: TruthRecording, told: TimedWord[]): void {
  const { starts, ends, missed } = edgeErrors(truth, told);
  const ms = (errors: readonly number[], q: number) => Math.round(1000 * quantile(errors, q));
  rows.push({
    recording: name,
    program,
    "start, median": ms(starts, 0.5),
    "start, p90": ms(starts, 0.9),
    "start, worst": ms(starts, 1),
    "end, median": ms(ends, 0.5),
    "end, p90": ms(ends, 0.9),
    "end, worst": ms(ends, 1),
    missed,
    "longest word": ms(
      told.map(({ start, end }) => end - start),
      1,
    ),
  });
  words[`${name}, ${program}`] = told;
}

for (const vad of values.vad ? [false, true] : [false]) {
  const label = vad ? ", VAD" : "";
  const implementation = values.implementation as "whisper";
  const transcriber = await createTranscriber({ model, vadModel: values.vad ?? null, implementation });
  for (const recording of recordings) {
    const result = await transcriber.transcribe(recording.file, {
      language: "en",
      wordTimestamps: true,
      vadFilter: vad,
    });
    note(
      `agora-transcribe${label}`,
      recording,
      result.segments.flatMap((segment) => segment.words!),
    );
  }
  await transcriber.close();
  if (!values.peer) continue;
  const script = path.join(root, "bench", "support", "faster_whisper_words.py");
  const files = recordings.map(({ file }) => file);
  const lines = execFileSync(python!, [script, peerModel!, vad ? "vad" : "no-vad", ...files], {
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  for (const [index, line] of lines.trim().split("\n").entries())
    note(`faster-whisper${label}`, recordings[index]!, JSON.parse(line));
}
rows.sort(
  (a, b) =>
    recordings.findIndex(({ name }) => name === (a as { recording: string }).recording) -
    recordings.findIndex(({ name }) => name === (b as { recording: string }).recording),
);
console.table(rows);
mkdirSync(folder, { recursive: true });
writeFileSync(
  path.join(folder, "results.json"),
  JSON.stringify({ model, rows, truth: recordings, words }, null, 1),
);
