/**
 * Peak memory of a process that decodes 16 windows of 30 s at once: MODEL, compute type, threads, tokens per window.
 * Prints { peak } in bytes.
 */
import { readFileSync } from "node:fs";
import { createTranscriber } from "../../src/index.js";
import { seededRandom } from "../../test/support/random.js";
import { COMPUTE_TYPES, transcriberOptions } from "./models.js";
import { fixedTokens } from "./requests.js";

const WINDOWS = 16;

const [model, typeName, threads, tokens] = process.argv.slice(2);
const type = COMPUTE_TYPES.find(({ name }) => name === typeName)!;
const transcriber = await createTranscriber({
  ...transcriberOptions(type),
  model: model!,
  implementation: "whisper",
  batchSize: WINDOWS,
  threads: Number(threads),
  vadModel: null,
});
const random = seededRandom(1);
const noise = Float32Array.from({ length: 30 * 16_000 }, () => 0.2 * (random() - 0.5));
const audio = { samples: noise, sampleRate: 16_000, channels: 1 };
await Promise.all(
  Array.from({ length: WINDOWS }, () => transcriber.transcribe(audio, fixedTokens(Number(tokens)))),
);
await transcriber.close();
const peak = 1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))![1]);
console.log(JSON.stringify({ peak }));
