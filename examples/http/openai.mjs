// OpenAI's client, with your own server in place of OpenAI's:
//   node openai.mjs call.wav
import { createReadStream } from "node:fs";
import OpenAI from "openai";

const [file] = process.argv.slice(2);
const client = new OpenAI({
  baseURL: `${process.env.SERVER ?? "http://localhost:8000"}/v1`,
  apiKey: process.env.SERVER_API_TOKEN ?? "none",
});

const { duration, words } = await client.audio.transcriptions.create({
  model: "whisper-1", // the server's own model, whichever that is
  file: createReadStream(file),
  response_format: "verbose_json",
  timestamp_granularities: ["word"],
});
console.log(`${duration.toFixed(1)} s, ${words.length} words`);

const stream = await client.audio.transcriptions.create({
  model: "whisper-1",
  file: createReadStream(file),
  stream: true,
});
for await (const event of stream) {
  if (event.type === "transcript.text.delta") process.stdout.write(event.delta);
}
process.stdout.write("\n");
