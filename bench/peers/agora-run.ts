/**
 * A measured process of bench/peers.ts, this package: options of the transcriber as JSON for argument, then commands as
 * bench/native/commands.h has them.
 *
 *   transcribe FILE    the work of FILE (work.ts): { seconds, texts }
 */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { createTranscriber, type TranscriberOptions } from "../../src/index.js";
import type { Work } from "./work.js";

const transcriber = await createTranscriber(JSON.parse(process.argv[2]!) as TranscriberOptions);
console.log(JSON.stringify({ ready: true }));
for await (const command of createInterface({ input: process.stdin })) {
  const work = JSON.parse(readFileSync(command.split(" ")[1]!, "utf8")) as Work;
  const texts: string[] = [];
  let next = 0;
  const lane = async () => {
    while (next < work.recordings.length) {
      const index = next++;
      const { path, language } = work.recordings[index]!;
      texts[index] = (await transcriber.transcribe(path, { language, beamSize: work.beamSize })).text;
    }
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: work.atOnce }, lane));
  console.log(JSON.stringify({ seconds: (performance.now() - start) / 1000, texts }));
}
await transcriber.close();
