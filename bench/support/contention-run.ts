/** The measured processes of bench/contention.ts; each prints what it did as JSON. */
import { createTranscriber } from "../../src/index.js";
import { sampleAudio } from "../../test/support/samples.js";

const [implementation = "", model = "", threads = "", copies = ""] = process.argv.slice(2);
const call = sampleAudio("sales-call-en");
const transcriber = await createTranscriber({
  implementation,
  model,
  threads: Number(threads),
  vadModel: null,
});
const transcribe = () => transcriber.transcribe(call, { language: "en", temperature: 0, chunkLength: 20 });
// Memory is touched and graphs are built once.
const { duration } = await transcribe();
const start = performance.now();
await Promise.all(Array.from({ length: Number(copies) }, transcribe));
const seconds = (performance.now() - start) / 1000;
await transcriber.close();
console.log(JSON.stringify({ seconds, audioSeconds: duration * Number(copies) }));
