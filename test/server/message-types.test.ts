import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Client, credentials } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { expect, it, onTestFinished } from "vitest";
import type { Sent, v2 } from "../../src/server/index.js";
import { fakeSegment } from "../support/fake-engine.js";
import { RECORDING, startFakeServer } from "../support/server.js";

const root = fileURLToPath(new URL("../..", import.meta.url));

it("are those of the proto files", async () => {
  await promisify(execFile)(process.execPath, ["scripts/grpc-types.mjs", "--check"], { cwd: root });
});

it("serve a client that takes the proto from the package, and bring tokens and languages", async () => {
  const { server } = await startFakeServer({
    answer: () => ({ segments: [fakeSegment("Hello", 0, 1, { tokens: [15947, 13] })] }),
    detect: () => [
      { language: "en", probability: 0.7 },
      { language: "de", probability: 0.3 },
    ],
  });
  await server.ready;
  const proto = createRequire(import.meta.url).resolve("agora-transcribe/proto/v2/transcription.proto");
  const loaded = loadSync(proto, {
    keepCase: true,
    defaults: true,
    oneofs: true,
    longs: Number,
    enums: String,
  });
  const { path, requestSerialize, responseDeserialize } = (
    loaded["transcription.v2.TranscriptionService"] as never as Record<
      string,
      {
        path: string;
        requestSerialize: (message: Sent<v2.TranscribeRequest>) => Buffer;
        responseDeserialize: (bytes: Buffer) => v2.TranscriptionResult;
      }
    >
  ).Transcribe!;
  const client = new Client(`localhost:${server.port}`, credentials.createInsecure());
  onTestFinished(() => client.close());
  const request: Sent<v2.TranscribeRequest> = {
    audio: RECORDING,
    config: { options: { beam_size: 2, task: "TASK_TRANSCRIBE", length_penalty: { value: 1 } } },
  };
  const result = await new Promise<v2.TranscriptionResult>((resolve, reject) => {
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error, answer) =>
      error ? reject(error) : resolve(answer!),
    );
  });
  expect(result.segments.map(({ text, tokens }) => ({ text, tokens }))).toEqual([
    { text: "Hello", tokens: [15947, 13] },
  ]);
  expect(result.language_probabilities).toEqual([
    { language: "en", probability: 0.7 },
    { language: "de", probability: 0.3 },
  ]);
  expect(result.statistics?.word_count).toBe(1);
});
