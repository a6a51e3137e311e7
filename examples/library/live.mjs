// Text while it is spoken: 16-bit samples, 16 kHz, one channel on standard input.
//   arecord -q -f S16_LE -r 16000 -t raw | node live.mjs
//   ffmpeg -v error -i call.wav -f s16le -ar 16000 -ac 1 - | node live.mjs
import { createTranscriber } from "agora-transcribe";

const transcriber = await createTranscriber();
const stream = transcriber.live({
  sampleRate: 16_000,
  encoding: "s16le",
  language: process.env.SPOKEN ?? "auto",
});

async function show() {
  for await (const event of stream) {
    if (event.type === "partial") process.stderr.write(`\r\x1b[K… ${event.text}`);
    if (event.type === "final") console.log(`${event.start.toFixed(1)} ${event.text}`);
  }
}

const shown = show();
for await (const bytes of process.stdin) await stream.write(bytes); // waits while the engine is behind
const { received, finals } = await stream.end(); // transcribes what is left
await shown;
console.log(`${received.toFixed(1)} s heard, ${finals} pieces of text`);
await transcriber.close();
