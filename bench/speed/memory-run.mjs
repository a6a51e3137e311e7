/**
 * Peak memory of a process that decodes 16 windows of 30 s at once: a transcriber's options, and a request's, as JSON.
 * Prints { peak } in bytes.
 *
 * The package as its users have it, and no TypeScript: its compiler takes 140 MB.
 */
import { readFileSync } from "node:fs";
import { createTranscriber } from "agora-transcribe";

const WINDOWS = 16;

const [transcriberOptions, requestOptions] = process.argv.slice(2).map((argument) => JSON.parse(argument));
const transcriber = await createTranscriber({
  ...transcriberOptions,
  implementation: "whisper",
  batchSize: WINDOWS,
  vadModel: null,
});
// By a linear congruential generator (Numerical Recipes, 7.1).
let state = 1;
const noise = Float32Array.from({ length: 30 * 16_000 }, () => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return 0.2 * (state / 2 ** 32 - 0.5);
});
const audio = { samples: noise, sampleRate: 16_000, channels: 1 };
await Promise.all(Array.from({ length: WINDOWS }, () => transcriber.transcribe(audio, requestOptions)));
await transcriber.close();
const peak = 1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]);
console.log(JSON.stringify({ peak }));
