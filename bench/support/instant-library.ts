/**
 * Transcribes files with the implementation that answers at once, so many at a time, and prints what that came to.
 *
 *   instant-library.ts CALLS SECONDS_BEFORE SECONDS FOLDER
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createTranscriber } from "../../src/index.js";
import { INSTANT, type InstantRun, NO_MODEL, registerInstant } from "./instant-engine.js";

const [calls, warmUp, seconds, folder] = process.argv.slice(2) as [string, string, string, string];
registerInstant();
const transcriber = await createTranscriber({ implementation: INSTANT, model: NO_MODEL, vadModel: null });
const files = readdirSync(folder)
  .sort()
  .map((name) => readFileSync(join(folder, name)));

async function run(forSeconds: number): Promise<InstantRun> {
  const until = performance.now() + forSeconds * 1000;
  const before = process.cpuUsage();
  let count = 0;
  const one = async (lane: number): Promise<void> => {
    for (let i = lane; performance.now() < until; i += 7) {
      await transcriber.transcribe(files[i % files.length]!);
      count++;
    }
  };
  await Promise.all(Array.from({ length: Number(calls) }, (_, lane) => one(lane)));
  const { system, user } = process.cpuUsage(before);
  return { calls: count, cpuSeconds: (system + user) / 1e6 };
}

// The first calls compile what runs.
await run(Number(warmUp));
process.stdout.write(JSON.stringify(await run(Number(seconds))));
await transcriber.close();
