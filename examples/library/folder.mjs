// Subtitles for many recordings, all at once: their windows share batches.
//   node folder.mjs one.mp3 two.wav …
import { writeFile } from "node:fs/promises";
import { createTranscriber, formatResult } from "agora-transcribe";

const transcriber = await createTranscriber();
const stop = new AbortController();
process.once("SIGINT", () => stop.abort()); // Ctrl-C ends what runs within 200 ms

const done = process.argv.slice(2).map(async (file) => {
  const result = await transcriber.transcribe(file, { priority: "bulk", signal: stop.signal });
  await writeFile(`${file}.srt`, formatResult(result, "srt"));
  console.log(`${file}: ${result.language}, ${result.stats.wordCount} words`);
});
for (const outcome of await Promise.allSettled(done)) {
  if (outcome.status === "fulfilled") continue;
  console.error(outcome.reason.message);
  process.exitCode = 1;
}
await transcriber.close();
