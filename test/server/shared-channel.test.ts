import { describe, expect, it } from "vitest";
import { wav } from "../support/audio.js";
import { startProxy } from "../support/cut-off.js";
import { bursts, fakeSegment } from "../support/fake-engine.js";
import { readMetrics } from "../support/metrics.js";
import { type FakeServer, RECORDING, startFakeServer, until } from "../support/server.js";
import { chunked, statusOf, TranscriptionClient } from "../support/transcription-client.js";
import { uploadOf, V2Client } from "../support/v2-client.js";

const REQUEST = { audio_data: RECORDING, filename: "a.wav" };
const ROUNDS = 3;
const WORKERS = 2;
const never = () => new Promise<void>(() => {});
const SETTINGS = { maxWorkers: WORKERS, metricsHost: "localhost", metricsPort: 0 };

/** What is taken by calls: open ones, unread and waiting requests, busy workers, windows in the engine. */
async function taken({ server, engine }: FakeServer): Promise<Record<string, number>> {
  const metrics = await readMetrics(server.metricsPort!);
  const of = (name: string) => metrics.get(name)!;
  return {
    calls: of("agora_open_calls"),
    unread: of('agora_queue_length{stage="unread"}'),
    waiting: of('agora_queue_length{stage="worker"}'),
    workers: of("agora_workers_busy"),
    engine: engine.running,
  };
}

/** All slots are free, and as many calls as there ever are at once succeed. */
async function expectAllFree(fake: FakeServer): Promise<void> {
  await until(async () => Object.values(await taken(fake)).every((value) => value === 0));
  fake.engine.options.gate = async () => {};
  const calls = Array.from({ length: 4 * WORKERS }, () => fake.client.unary(REQUEST, { deadline: soon() }));
  for (const call of calls) expect((await call).success).toBe(true);
}

const soon = () => Date.now() + 20_000;

function unary(port: number, count: number): void {
  const client = new TranscriptionClient(port);
  for (let i = 0; i < count; i++) client.startUnary(REQUEST);
}

describe("a client of many calls on one channel that is killed", () => {
  it("while most of them wait unread leaves every slot free", async () => {
    const fake = await startFakeServer({ gate: never, settings: SETTINGS });
    for (let round = 0; round < ROUNDS; round++) {
      fake.engine.options.gate = never;
      const { port, cut } = await startProxy(fake.server.port);
      unary(port, 60);
      await until(async () => (await taken(fake)).unread === 60 - 2 * WORKERS);
      cut();
      await expectAllFree(fake);
    }
  });

  it("while uploads come and wait for a worker leaves every slot free", async () => {
    const fake = await startFakeServer({ gate: never, settings: SETTINGS });
    for (let round = 0; round < ROUNDS; round++) {
      fake.engine.options.gate = never;
      const { port, cut } = await startProxy(fake.server.port);
      const client = new TranscriptionClient(port);
      const v2 = new V2Client(port);
      for (let i = 0; i < 20; i++) {
        client.stream(chunked(RECORDING, "a.wav")).catch(() => {});
        v2.upload(uploadOf(RECORDING)).catch(() => {});
        void client.openStream().write({ filename: "a.wav", chunk_data: RECORDING.subarray(0, 1000) });
      }
      await until(async () => (await taken(fake)).waiting === 40 - WORKERS);
      cut();
      await expectAllFree(fake);
    }
  });

  it("just as its calls begin, are read and are decoded leaves every slot free", async () => {
    const fake = await startFakeServer({ settings: SETTINGS });
    for (let round = 0; round < 4 * ROUNDS; round++) {
      fake.engine.options.gate = never;
      const { port, cut } = await startProxy(fake.server.port);
      unary(port, 40);
      await new Promise((resolve) => setTimeout(resolve, 12 * round));
      cut();
      await expectAllFree(fake);
    }
  });

  it("while it does not read its answers leaves every slot free", async () => {
    const text = "word ".repeat(60_000);
    const fake = await startFakeServer({ settings: SETTINGS, maxWindow: 2 });
    const { answer } = fake.engine.options;
    for (let round = 0; round < ROUNDS; round++) {
      fake.engine.options.gate = async () => {};
      fake.engine.options.answer = () => ({ segments: [fakeSegment(text, 0, 1)] });
      const { port, cut } = await startProxy(fake.server.port);
      const v2 = new V2Client(port);
      for (let i = 0; i < 10; i++) {
        const call = v2.events();
        call.stream.pause();
        for (const message of uploadOf(wav([bursts(4, 1, 1)], 16_000), {
          options: { vad_filter: "VAD_FILTER_OFF" },
        }))
          call.write(message);
        call.end();
      }
      // All work is done; what is left is to be read.
      await until(async () => {
        const { calls, workers, waiting } = await taken(fake);
        return calls === 10 && workers === 0 && waiting === 0;
      });
      cut();
      if (answer) fake.engine.options.answer = answer;
      else delete fake.engine.options.answer;
      await expectAllFree(fake);
    }
  });
});

it("a client that reads nothing after the work is done is given up, on a connection that lives", async () => {
  // More messages than a client's library takes without being asked.
  const text = "word ".repeat(20_000);
  const fake = await startFakeServer({
    settings: { ...SETTINGS, idleTimeout: 0.3 },
    maxWindow: 2,
    answer: () => ({ segments: [fakeSegment(text, 0, 1)] }),
  });
  const v2 = new V2Client(fake.server.port);
  const stuck = v2.events();
  stuck.stream.pause();
  for (const message of uploadOf(
    wav([bursts(60, 1, 1)], 16_000),
    { options: { vad_filter: "VAD_FILTER_OFF" }, events_only: true },
    1_000_000,
  ))
    stuck.write(message);
  stuck.end();
  await until(() =>
    fake.lines.some((line) => line.includes("has not read its answer for SERVER_IDLE_TIMEOUT")),
  );
  await until(async () => (await taken(fake)).calls === 0);
  const metrics = await readMetrics(fake.server.metricsPort!);
  const name = "transcription.v2.TranscriptionService/TranscribeUploadEvents";
  expect(metrics.get(`agora_requests_total{method="${name}",outcome="DEADLINE_EXCEEDED"}`)).toBe(1);
  const other = new V2Client(fake.server.port);
  expect(await statusOf(other.transcribe({ audio: RECORDING }))).toBe(0);
});
