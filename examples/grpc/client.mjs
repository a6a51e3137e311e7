// Sends a recording by gRPC (contract v2) and prints its text as it comes:
//   npm install agora-transcribe @grpc/grpc-js @grpc/proto-loader
//   node client.mjs call.wav
import { createReadStream } from "node:fs";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const [file] = process.argv.slice(2);
const proto = fileURLToPath(import.meta.resolve("agora-transcribe/proto/v2/transcription.proto"));
const definitions = grpc.loadPackageDefinition(
  loadSync(proto, { keepCase: true, defaults: true, oneofs: true }),
);
const { TranscriptionService } = definitions.transcription.v2;

const address = process.env.SERVER ?? "localhost:50051";
const client = new TranscriptionService(address, grpc.credentials.createInsecure()); // createSsl() for TLS
const metadata = new grpc.Metadata();
if (process.env.SERVER_API_TOKEN) metadata.set("authorization", `Bearer ${process.env.SERVER_API_TOKEN}`);

/** The configuration, then the file in chunks. */
async function* upload() {
  yield { config: { filename: path.basename(file), options: { beam_size: 1 } } };
  for await (const data of createReadStream(file)) yield { data };
}

async function show(events) {
  for await (const { segment, result } of events) {
    if (segment) console.log(`${segment.start.toFixed(2)} ${segment.text}`);
    if (result) console.log(`${result.language}, ${result.duration.toFixed(1)} s`);
  }
}

try {
  await pipeline(upload, client.TranscribeUploadEvents(metadata), show);
} catch (error) {
  console.error(`${grpc.status[error.code]}: ${error.details}`);
  process.exitCode = 1;
}
client.close();
