import { Metadata, status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { startProxy } from "../support/cut-off.js";
import { readMetrics } from "../support/metrics.js";
import { RECORDING, startFakeServer, until } from "../support/server.js";
import { statusOf, TranscriptionClient } from "../support/transcription-client.js";
import { failureOf, type Message, V2Client } from "../support/v2-client.js";

/** Every number that a request of contract v2 can hold, as a path of the options. */
const NUMBERS: [path: string, options: (value: number) => Message][] = [
  ["beam_size", (value) => ({ beam_size: value })],
  ["best_of", (value) => ({ best_of: value })],
  ["patience", (value) => ({ patience: value })],
  ["length_penalty", (value) => ({ length_penalty: { value } })],
  ["temperatures[0]", (value) => ({ temperatures: [value] })],
  ["compression_ratio_threshold", (value) => ({ compression_ratio_threshold: { value } })],
  ["no_speech_threshold", (value) => ({ no_speech_threshold: { value } })],
  ["suppress_tokens.ids[0]", (value) => ({ suppress_tokens: { ids: [value] } })],
  ["max_tokens", (value) => ({ max_tokens: value })],
  ["vad_options.threshold", (value) => ({ vad_options: { threshold: value } })],
  ["vad_options.neg_threshold", (value) => ({ vad_options: { neg_threshold: value } })],
  ["vad_options.min_speech_duration", (value) => ({ vad_options: { min_speech_duration: { value } } })],
  ["vad_options.min_silence_duration", (value) => ({ vad_options: { min_silence_duration: { value } } })],
  ["vad_options.speech_pad", (value) => ({ vad_options: { speech_pad: { value } } })],
  ["chunk_length", (value) => ({ chunk_length: value })],
  ["channels.index", (value) => ({ channels: { index: value } })],
  ["seed", (value) => ({ seed: value })],
  ["timeout", (value) => ({ timeout: value })],
  ["repetition_penalty", (value) => ({ repetition_penalty: value })],
  ["no_repeat_ngram_size", (value) => ({ no_repeat_ngram_size: value })],
  ["hallucination_silence_threshold", (value) => ({ hallucination_silence_threshold: value })],
  ["prompt_reset_on_temperature", (value) => ({ prompt_reset_on_temperature: { value } })],
  ["language_detection_threshold", (value) => ({ language_detection_threshold: { value } })],
  ["language_detection_segments", (value) => ({ language_detection_segments: value })],
  ["max_initial_timestamp", (value) => ({ max_initial_timestamp: { value } })],
  ["max_duration", (value) => ({ max_duration: value })],
];
/** Their values do not fit, or they may be as large as they like. */
const INTEGERS = new Set([
  "beam_size",
  "best_of",
  "suppress_tokens.ids[0]",
  "max_tokens",
  "channels.index",
  "seed",
  "no_repeat_ngram_size",
  "language_detection_segments",
]);
const UNBOUNDED = new Set(["seed", "max_duration"]);

describe("a number that is out of range", () => {
  it.each(NUMBERS)("in %s is refused by its name", async (path, options) => {
    const { server, engine } = await startFakeServer();
    const v2 = new V2Client(server.port);
    const values = INTEGERS.has(path)
      ? [-2, ...(UNBOUNDED.has(path) ? [] : [2 ** 31 - 1])]
      : [-2, Number.NaN, Number.NEGATIVE_INFINITY, ...(UNBOUNDED.has(path) ? [] : [1e308])];
    for (const value of values) {
      const call = v2.transcribe({ audio: RECORDING, config: { options: options(value) } });
      const { code, field } = await failureOf(call);
      expect({ value, code, field }).toEqual({
        value,
        code: status.INVALID_ARGUMENT,
        field: `config.options.${path}`,
      });
    }
    expect(engine.windows).toHaveLength(0);
  });
});

it("keeps serving beside 1000 streams that say nothing", async () => {
  const { client, server } = await startFakeServer({
    settings: { metricsHost: "localhost", metricsPort: 0 },
  });
  const clients = [client, new TranscriptionClient(server.port)];
  const streams = clients.flatMap((each) => Array.from({ length: 500 }, () => each.openStream()));
  await until(async () => (await readMetrics(server.metricsPort!)).get("agora_open_calls") === 1000);
  const other = new TranscriptionClient(server.port);
  expect((await other.unary({ audio_data: RECORDING, filename: "a.wav" })).transcript).toBe("1");
  for (const stream of streams) stream.cancel();
  await until(async () => (await readMetrics(server.metricsPort!)).get("agora_open_calls") === 0);
});

it("gives up a connection that does not answer any more, and its work", async () => {
  const { server, engine } = await startFakeServer({
    gate: () => new Promise(() => {}),
    settings: { keepaliveTime: 0.2, keepaliveTimeout: 0.2 },
  });
  const { port, freeze } = await startProxy(server.port);
  const call = new TranscriptionClient(port).startUnary({ audio_data: RECORDING, filename: "a.wav" });
  await until(() => engine.running === 1);
  freeze();
  await until(() => engine.cancellations === 1);
  call.cancel();
});

it("wants the API token for contract v2, too", async () => {
  const apiToken = "correct-horse-battery";
  const { server, engine } = await startFakeServer({ settings: { apiToken } });
  const v2 = new V2Client(server.port);
  expect(await failureOf(v2.serverInfo())).toMatchObject({
    code: status.UNAUTHENTICATED,
    reason: "UNAUTHENTICATED",
  });
  expect(await statusOf(v2.events().ended)).toBe(status.UNAUTHENTICATED);
  expect(engine.windows).toHaveLength(0);
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${apiToken}`);
  expect((await v2.transcribe({ audio: RECORDING }, metadata)).text).toBe("1");
});

it("counts no method that it does not have", async () => {
  const { client, server } = await startFakeServer({
    settings: { metricsHost: "localhost", metricsPort: 0 },
  });
  const bytes = (value: unknown) => value as Buffer;
  const call = new Promise((resolve, reject) => {
    client.client.makeUnaryRequest("/transcription.v9.X/Y", bytes, bytes, Buffer.alloc(0), (error, value) =>
      error ? reject(error) : resolve(value),
    );
  });
  expect(await statusOf(call)).toBe(status.UNIMPLEMENTED);
  const names = [...(await readMetrics(server.metricsPort!)).keys()];
  expect(names.filter((name) => name.startsWith("agora_requests_total"))).toEqual([]);
});
