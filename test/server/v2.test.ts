import { readFileSync } from "node:fs";
import { Metadata, status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { MEANINGS } from "../../src/doors/grpc/statuses.js";
import { VERSION } from "../../src/index.js";
import { wav } from "../support/audio.js";
import { bursts, fakeSegment } from "../support/fake-engine.js";
import { RECORDING, startUnready, until } from "../support/server.js";
import { latch } from "../support/transcribe-fake.js";
import { failureOf, type Message, type Result, uploadOf, V2Client } from "../support/v2-client.js";
import { startV2 } from "../support/v2-server.js";

/** The three ways to send a recording. */
const WAYS: Record<string, (client: V2Client, bytes: Uint8Array, config?: Message) => Promise<Result>> = {
  Transcribe: (client, audio, config = {}) => client.transcribe({ audio, config }),
  TranscribeUpload: (client, bytes, config) => client.upload(uploadOf(bytes, config, 10_000)),
  TranscribeUploadEvents: async (client, bytes, config) => {
    const call = client.events();
    for (const message of uploadOf(bytes, config, 10_000)) call.write(message);
    call.end();
    return (await call.ended).at(-1)!.result!;
  },
};

describe.each(Object.keys(WAYS))("%s", (way) => {
  const send = WAYS[way]!;

  it("answers all there is to know", async () => {
    const words = [{ start: 0.1, end: 0.5, text: " Да", confidence: 0.8 }];
    const { v2 } = await startV2({
      answer: () => ({ segments: [fakeSegment("Да 👍", 0, 1, { words, temperature: 0.2 })] }),
      detect: () => [{ language: "ru", probability: 0.75 }],
    });
    const result = await send(v2, RECORDING, { options: { word_timestamps: true }, filename: "x" });
    expect(result).toEqual({
      text: "Да 👍",
      segments: [
        {
          id: 0,
          start: expect.any(Number),
          end: expect.any(Number),
          text: "Да 👍",
          confidence: 0.9,
          avg_log_prob: -0.1,
          no_speech_prob: 0.01,
          compression_ratio: expect.any(Number),
          temperature: 0.2,
          channel: null,
          language: "",
          tokens: [],
          words: [
            {
              start: expect.any(Number),
              end: expect.any(Number),
              text: "Да",
              confidence: 0.8,
              speaker: "",
              speaker_confidence: 0,
            },
          ],
          speaker: "",
          speaker_confidence: 0,
        },
      ],
      speakers: [],
      turns: [],
      language: "ru",
      language_probability: 0.75,
      language_probabilities: [{ language: "ru", probability: 0.75 }],
      duration: 13,
      channels: [],
      statistics: {
        word_count: 2,
        char_count: 4,
        speech_duration: expect.any(Number),
        window_count: 1,
        draft_proposed: 0,
        draft_accepted: 0,
      },
      timings: {
        upload: expect.any(Number),
        queue: expect.any(Number),
        processing: expect.any(Number),
        speed_factor: expect.any(Number),
      },
      warnings: [],
      format: {
        container: "wav",
        codec: "pcm_s16le",
        sample_rate: 16_000,
        channels: 1,
        track: null,
        track_count: 0,
      },
      model: "fake",
      implementation: "fake",
      device: { kind: "cpu", name: "fake", threads: 1 },
      request_id: expect.stringMatching(/^[0-9a-f]{16}$/),
      compute_type: "float32",
    });
    const { processing, speed_factor } = result.timings;
    expect(speed_factor).toBeCloseTo(13 / processing, 6);
  });

  it("keeps channels apart when told so", async () => {
    const { v2 } = await startV2();
    const stereo = wav([bursts(1), bursts(1)], 16_000);
    const { channels, segments } = await send(v2, stereo, { options: { channels: { each: true } } });
    expect(segments.map(({ channel }) => channel)).toEqual([{ value: 0 }, { value: 1 }]);
    expect(channels).toEqual([
      { channel: 0, text: "1", language: "en", language_probability: 0.9 },
      { channel: 1, text: "1", language: "en", language_probability: 0.9 },
    ]);
  });

  it.each([
    [
      { beam_size: 9 },
      "config.options.beam_size",
      /^Expected an integer from 1 to 8 for config\.options\.beam_size/,
    ],
    [{ patience: Number.NaN }, "config.options.patience", /NaN/],
    [{ temperatures: [0, 3] }, "config.options.temperatures[1]", /3/],
    [{ task: 7 }, "config.options.task", /one of TASK_TRANSCRIBE, TASK_TRANSLATE .* received 7$/],
    [{ language: "klingon" }, "config.options.language", /klingon/],
    [{ language: "fr" }, "config.options.language", /does not have the language "fr"/],
    [{ vad_options: { threshold: -1 } }, "config.options.vad_options.threshold", /-1/],
    [{ log_prob_threshold: {} }, "config.options.log_prob_threshold", /a value, or off = true/],
    [{ max_duration: -5 }, "config.options.max_duration", /above 0/],
    [{ initial_prompt: "a\0b" }, "config.options.initial_prompt", /without NUL/],
    [{ hotwords: ["a", ""] }, "config.options.hotwords[1]", /received ""/],
  ])("names the field that is wrong in %j", async (options, field, message) => {
    const { v2, engine } = await startV2();
    const failed = await failureOf(send(v2, RECORDING, { options }));
    expect(failed).toMatchObject({ code: status.INVALID_ARGUMENT, reason: "INVALID_ARGUMENT", field });
    expect(failed.message).toMatch(message);
    expect(failed.retryAfter).toBeUndefined();
    expect(failed.trailers.get("grpc-retry-pushback-ms")).toEqual(["-1"]);
    expect(engine.windows).toHaveLength(0);
  });

  it("refuses what is not audio, and what is no bytes at all", async () => {
    const { v2 } = await startV2();
    expect(await failureOf(send(v2, Buffer.from("PK\x03\x04 and so on")))).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: "UNSUPPORTED_FORMAT",
      field: undefined,
    });
    expect(await failureOf(send(v2, Buffer.alloc(0)))).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: "INVALID_ARGUMENT",
      field: way === "Transcribe" ? "audio" : "data",
    });
    expect((await send(v2, RECORDING)).text).toBe("1");
  });

  it("takes no more bytes and no more audio than the limits", async () => {
    const { v2 } = await startV2({ settings: { maxUploadBytes: 500_000, maxDuration: 12 } });
    const large = await failureOf(send(v2, Buffer.concat([RECORDING, Buffer.alloc(500_000)])));
    expect(large).toMatchObject({ code: status.RESOURCE_EXHAUSTED, reason: "AUDIO_TOO_LARGE" });
    expect(large.message).toContain("SERVER_MAX_UPLOAD_BYTES");
    expect(large.trailers.get("grpc-retry-pushback-ms")).toEqual(["-1"]);
    expect(await failureOf(send(v2, RECORDING, { options: { max_duration: 1000 } }))).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: "AUDIO_TOO_LONG",
    });
  });

  it("keeps the details of a defect to the log", async () => {
    const { v2, lines } = await startV2({
      answer: () => {
        throw new Error("secret of the house");
      },
    });
    const failed = await failureOf(send(v2, RECORDING));
    const id = failed.metadata.request_id;
    expect(failed).toMatchObject({ code: status.INTERNAL, reason: "INTERNAL" });
    expect(failed.message).toBe(`Internal error, see ${id} in the server's log`);
    expect(lines.join("")).toMatch(new RegExp(`ERROR - \\[${id}\\] Failed .*secret of the house`));
  });

  it("gives up after the time that the request allows", async () => {
    const { v2, engine } = await startV2({ gate: () => new Promise(() => {}) });
    expect(await failureOf(send(v2, RECORDING, { options: { timeout: 0.1 } }))).toMatchObject({
      code: status.DEADLINE_EXCEEDED,
      reason: "DEADLINE_EXCEEDED",
      message: "The request took longer than config.options.timeout (0.1 s)",
    });
    expect(engine.running).toBe(0);
  });

  it("says when to try again while the queue is full", async () => {
    const { opened, open } = latch();
    const { v2, engine } = await startV2({ gate: () => opened, settings: { maxWorkers: 1, maxQueue: 0 } });
    const running = send(v2, RECORDING);
    await until(() => engine.running === 1);
    // One request in one message is read ahead.
    const ahead = way === "Transcribe" ? send(v2, RECORDING).catch((error) => error) : undefined;
    const failed = await failureOf(send(v2, RECORDING));
    expect(failed).toMatchObject({ code: status.RESOURCE_EXHAUSTED, reason: "QUEUE_FULL" });
    expect(failed.retryAfter).toBeGreaterThanOrEqual(1);
    expect(failed.trailers.get("grpc-retry-pushback-ms")).toEqual([
      String(Math.ceil(failed.retryAfter! * 1000)),
    ]);
    open();
    expect((await running).text).toBe("1");
    await ahead;
  });
});

it("asks callers to come back while it loads, and when it stops before they are served", async () => {
  const { opened, open } = latch();
  const { server, engine } = await startUnready({
    loading: opened,
    gate: () => new Promise(() => {}),
    settings: { shutdownGrace: 0 },
  });
  const v2 = new V2Client(server.port);
  const early = await failureOf(v2.transcribe({ audio: RECORDING }));
  expect(early).toMatchObject({ code: status.UNAVAILABLE, reason: "UNAVAILABLE", retryAfter: 1 });
  open();
  await server.ready;
  const late = failureOf(v2.transcribe({ audio: RECORDING }));
  await until(() => engine.running === 1);
  await server.stop();
  expect(await late).toMatchObject({ code: status.UNAVAILABLE, reason: "UNAVAILABLE", retryAfter: 1 });
});

it("tells what it has and what it allows", async () => {
  const { v2, server } = await startV2({
    settings: { apiToken: undefined, maxWorkers: 3, idleTimeout: Number.POSITIVE_INFINITY },
  });
  await server.ready;
  const info = await v2.serverInfo();
  expect(info).toMatchObject({
    version: VERSION,
    implementation: "fake",
    models: [{ name: "fake", type: "custom", weight_type: "f32", multilingual: true, max_window: 30 }],
    devices: [{ kind: "cpu", name: "fake", threads: 1 }],
    limits: { max_upload_bytes: 209_715_200, max_workers: 3, idle_timeout: 0, request_timeout: 14_400 },
    load: { open_calls: 1, running: 0, waiting: 0 },
  });
  expect(info.diarization).toEqual(["channels"]);
  expect(info.implementations).toEqual(expect.arrayContaining(["whisper", "whisper-cpp"]));
  expect(info.settings).toMatchObject({
    SERVER_MAX_WORKERS: "3",
    SERVER_IDLE_TIMEOUT: "0",
    MODEL_NAME: "(set)",
    SERVER_API_TOKEN: "",
  });
});

describe("a request id", () => {
  it("comes back, and stands in every line about the call", async () => {
    const { v2, lines } = await startV2();
    const metadata = new Metadata();
    metadata.set("x-request-id", "trace-42:a/b");
    expect((await v2.transcribe({ audio: RECORDING }, metadata)).request_id).toBe("trace-42:a/b");
    const failed = await failureOf(v2.transcribe({}, metadata));
    expect(failed.trailers.get("x-request-id")).toEqual(["trace-42:a/b"]);
    const about = lines.filter((line) => line.includes(" - TranscriptionService - "));
    expect(about.length).toBeGreaterThanOrEqual(4);
    for (const line of about) expect(line).toContain("[trace-42:a/b]");
  });

  it.each(["a b", "x".repeat(129), "<script>"])("of the caller's is not taken when it is %j", async (id) => {
    const { v2 } = await startV2();
    const metadata = new Metadata();
    metadata.set("x-request-id", id);
    expect((await v2.transcribe({ audio: RECORDING }, metadata)).request_id).toMatch(/^[0-9a-f]{16}$/);
  });
});

it("documents in the proto the table of failures that it goes by", () => {
  const proto = readFileSync(new URL("../../proto/v2/transcription.proto", import.meta.url), "utf8");
  const rows = [...proto.matchAll(/^\/\/ {3}([A-Z_]+) +([A-Z_]+) +(yes|no) /gm)];
  const documented = rows.map(([, reason, name, retry]) => [reason, name, retry === "yes"]);
  const known = Object.entries(MEANINGS).map(([reason, meaning]) => [
    reason,
    status[meaning.status],
    meaning.retry,
  ]);
  expect(documented).toEqual(known);
});
