import {
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
  type MethodDefinition,
  status,
} from "@grpc/grpc-js";
import { describe, expect, it, onTestFinished } from "vitest";
import { loadDefinitions, serviceIn, V2_SERVICE } from "../../src/doors/grpc/definitions.js";
import type { LiveEvent } from "../../src/doors/grpc/v2/messages.js";
import { TranscriptionError } from "../../src/index.js";
import { startLive } from "../support/live-server.js";
import { readMetrics } from "../support/metrics.js";
import { evenWords, final, type LiveScript, partial } from "../support/scripted-live.js";
import { until } from "../support/server.js";
import { failureOf, type Message } from "../support/v2-client.js";

async function call(options: Parameters<typeof startLive>[0] = {}, metadata = new Metadata()) {
  const live = await startLive({
    ...options,
    settings: { grpc: true, host: "localhost", port: 0, ...options.settings },
  });
  const client = new Client(`localhost:${live.server.port}`, credentials.createInsecure());
  onTestFinished(() => client.close());
  const { path, requestSerialize, responseDeserialize } = serviceIn(loadDefinitions(), V2_SERVICE)
    .TranscribeLive as unknown as MethodDefinition<Message, LiveEvent>;
  const stream: ClientDuplexStream<Message, LiveEvent> = client.makeBidiStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    metadata,
    {},
  );
  const events: LiveEvent[] = [];
  const ended = new Promise<LiveEvent[]>((resolve, reject) => {
    stream.on("data", (event: LiveEvent) => events.push(event));
    stream.on("end", () => resolve(events));
    stream.on("error", reject);
  });
  ended.catch(() => {});
  return { ...live, stream, events, ended };
}

const CONFIG = {
  config: { sample_rate: 8000, encoding: "LIVE_ENCODING_MULAW", channels: 2, words: true, diarize: {} },
};

const SCRIPT: LiveScript = {
  onWrite(stream, bytes) {
    if (bytes !== 3) return;
    stream.say({ type: "speech-start", channel: 1, utterance: 0, time: 0.25 });
    stream.say({ type: "language", channel: 1, language: "ru", probability: 0.75 });
    stream.say(partial("Добрый день", { channel: 1, stableLength: 6 }));
    stream.say({ type: "lag", received: 6, processed: 0.5, committed: 0.25 });
    stream.say({ type: "warning", message: "odd" });
  },
  onFlush(stream) {
    stream.say(
      final("Добрый день.", {
        channel: 1,
        id: 7,
        speaker: "SPEAKER_01",
        speakerConfidence: 0.75,
        words: evenWords("Добрый день.", 0.5, 1.5).map((word) => ({
          ...word,
          speaker: "SPEAKER_01",
          speakerConfidence: 0.5,
        })),
      }),
    );
    stream.say({ type: "speech-end", channel: 1, utterance: 0, time: 1.5 });
  },
  onEnd: (stream) => stream.say(final("Rest", { channel: 0 })),
};

describe("TranscribeLive", () => {
  it("tells every event of the stream, and ends when its audio ends", async () => {
    const { stream, ended, transcriber } = await call({ script: SCRIPT });
    stream.write(CONFIG);
    stream.write({ audio: Buffer.from([1]) });
    stream.write({ audio: Buffer.alloc(0) });
    stream.write({ audio: Buffer.from([2, 3]) });
    stream.write({ keep_alive: {} });
    stream.write({ flush: {} });
    stream.end();
    const events = await ended;
    expect(events.map(({ event }) => event)).toEqual([
      "ready",
      "speech_start",
      "language",
      "partial",
      "lag",
      "warning",
      "final",
      "speech_end",
      "final",
      "done",
    ]);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i));
    const [ready, start, language, heard, lag, warning, said, end] = events;
    expect(ready!.ready).toEqual({ model: "fake", sample_rate: 8000 });
    expect(start!.speech_start).toEqual({ channel: 1, utterance: 0, time: 0.25 });
    expect(language!.language).toEqual({ channel: 1, language: "ru", probability: 0.75 });
    expect(heard!.partial).toMatchObject({ channel: 1, text: "Добрый день", stable_text: "Добрый" });
    expect(lag!.lag).toEqual({ received: 6, processed: 0.5, committed: 0.25 });
    expect(warning!.warning).toEqual({ message: "odd" });
    expect(said!.final).toMatchObject({
      id: 7,
      channel: 1,
      text: "Добрый день.",
      start: 0.5,
      end: 1.5,
      end_of_utterance: true,
      speaker: "SPEAKER_01",
      speaker_confidence: 0.75,
      language: "en",
    });
    expect(said!.final!.words).toMatchObject(
      ["Добрый", "день."].map((text) => ({ text, speaker: "SPEAKER_01", speaker_confidence: 0.5 })),
    );
    expect(end!.speech_end).toEqual({ channel: 1, utterance: 0, time: 1.5 });
    expect(events.at(-1)!.done).toMatchObject({ finals: 2, received: 3 / 2 / 8000, processed: 3 / 2 / 8000 });
    const [live] = transcriber.streams;
    expect(live!.bytes).toEqual(Buffer.from([1, 2, 3]));
    expect(live!.options).toMatchObject({ sampleRate: 8000, encoding: "mulaw", channels: 2, words: true });
  });

  it("takes every option", async () => {
    const { stream, ended, transcriber } = await call();
    stream.write({
      config: {
        sample_rate: 48_000,
        encoding: "LIVE_ENCODING_F32LE",
        language: "ru",
        task: "TASK_TRANSLATE",
        interim: { value: false },
        endpoint_ms: 300,
        policy: "LIVE_POLICY_LOCAL_AGREEMENT",
        step: 0.5,
        initial_prompt: "A call.",
        hotwords: ["Agora"],
        vad_options: { threshold: 0.6, neg_threshold: 0.4, min_speech_duration: { value: 0 } },
        diarize: { engine: "DIARIZATION_ENGINE_NEMOTRON", max_speakers: 3 },
      },
    });
    stream.end();
    await ended;
    const { signal: _, ...options } = transcriber.streams[0]!.options;
    expect(options).toMatchObject({
      sampleRate: 48_000,
      encoding: "f32le",
      language: "ru",
      task: "translate",
      interim: false,
      endpointMs: 300,
      policy: "local-agreement",
      step: 0.5,
      initialPrompt: "A call.",
      hotwords: ["Agora"],
      vadOptions: { threshold: 0.6, negThreshold: 0.4, minSpeechDuration: 0 },
      // A stream waits for no download.
      diarize: { engine: "nemotron", maxSpeakers: 3, download: false },
    });
  });

  it.each<[string, Message[], string]>([
    ["audio first", [{ audio: Buffer.from([1]) }], "config"],
    ["nothing", [], "config"],
    ["a second configuration", [CONFIG, CONFIG], "config"],
    ["a message without anything", [CONFIG, {}], "payload"],
    ["too much audio in a message", [CONFIG, { audio: Buffer.alloc(1024 ** 2 + 1) }], "audio"],
    [
      "an engine of diarization that there is not",
      [{ config: { diarize: { engine: 99 } } }],
      "config.diarize.engine",
    ],
    ["an encoding that there is not", [{ config: { encoding: 99 } }], "config.encoding"],
    [
      "options of recordings",
      [{ config: { vad_options: { max_speech_duration: 3 } } }],
      "config.vad_options",
    ],
  ])("refuses %s", async (_, messages, field) => {
    const { stream, ended } = await call();
    for (const message of messages) stream.write(message);
    stream.end();
    const failed = await failureOf(ended);
    expect(failed.code).toBe(status.INVALID_ARGUMENT);
    expect(failed.field).toBe(field);
  });

  it("names the fields of options that the library refuses", async () => {
    const { stream, ended } = await call({
      refuse: () => {
        const message = "Expected an integer from 8000 to 192000 for sampleRate but received 7";
        throw new TranscriptionError("INVALID_ARGUMENT", message, { option: "sampleRate" });
      },
    });
    stream.write({ config: { sample_rate: 7 } });
    const failed = await failureOf(ended);
    expect(failed.field).toBe("config.sample_rate");
    expect(failed.message).toContain("config.sample_rate");
  });

  it("says what it lacks to tell speakers of one channel apart, and what takes all of a recording", async () => {
    const failing = async (option: string, code: "MODEL_NOT_FOUND" | "INVALID_ARGUMENT") => {
      const error = new TranscriptionError(code, `Expected no ${option} of a live stream`, { option });
      const { stream, ended } = await call({ script: { onWrite: (live) => live.fail(error) } });
      stream.write({ config: { diarize: {} } });
      stream.write({ audio: Buffer.alloc(10) });
      return failureOf(ended);
    };
    const missing = await failing("diarize.model", "MODEL_NOT_FOUND");
    expect(missing).toMatchObject({ code: status.INVALID_ARGUMENT, field: "config.diarize" });
    expect(missing.message).toContain("agora-transcribe models download nemotron-3-diarization");
    const late = await failing("diarize.minSpeakers", "INVALID_ARGUMENT");
    expect(late).toMatchObject({ code: status.INVALID_ARGUMENT, field: "config.diarize.min_speakers" });
    expect(late.message).toContain("config.diarize.min_speakers");
  });

  it("says when there is no room", async () => {
    const { stream, ended } = await call({
      refuse: () => {
        throw new TranscriptionError("QUEUE_FULL", "Too many streams");
      },
    });
    stream.write(CONFIG);
    const failed = await failureOf(ended);
    expect(failed.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(failed.retryAfter).toBeGreaterThan(0);
  });

  it("fails with its stream while its client sends nothing", async () => {
    const { stream, ended } = await call({
      script: { onWrite: (live) => void setTimeout(() => live.fail(new Error("broken")), 20) },
    });
    stream.write(CONFIG);
    stream.write({ audio: Buffer.alloc(10) });
    expect((await failureOf(ended)).code).toBe(status.INTERNAL);
  });

  it("tells events while audio comes", async () => {
    const { stream, events } = await call({ script: SCRIPT });
    stream.write(CONFIG);
    await until(() => events.length === 1);
    stream.write({ audio: Buffer.from([1, 2, 3]) });
    await until(() => events.length === 6);
    stream.write({ flush: {} });
    await until(() => events.length === 8);
  });

  it("stops when its client is gone", async () => {
    const { server, stream, events, transcriber } = await call();
    stream.write(CONFIG);
    await until(() => events.length === 1);
    stream.cancel();
    // What breaks off may look as if it had ended.
    const [live] = transcriber.streams;
    await until(() => live!.isCancelled || live!.isEnded);
    await until(async () => (await readMetrics(server.httpPort!)).get("agora_open_calls") === 0);
  });

  it("outlasts the time for uploads", async () => {
    const { stream, events, ended } = await call({ settings: { uploadTimeout: 0.1 } });
    stream.write(CONFIG);
    await until(() => events.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 250));
    stream.end();
    expect((await ended).at(-1)!.event).toBe("done");
  });

  it("is told what it has said when the server stops", async () => {
    const { server, stream, events, ended } = await call({ script: SCRIPT });
    stream.write(CONFIG);
    await until(() => events.length === 1);
    const stopped = server.stop();
    expect((await failureOf(ended)).code).toBe(status.UNAVAILABLE);
    expect(events.map(({ event }) => event)).toEqual(["ready", "final", "done"]);
    await stopped;
  });

  it("needs the token", async () => {
    const { ended } = await call({ settings: { apiToken: "correct-horse-battery" } });
    expect((await failureOf(ended)).code).toBe(status.UNAUTHENTICATED);
  });
});
