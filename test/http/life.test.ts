import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import OpenAI, { toFile } from "openai";
import { afterEach, describe, expect, it } from "vitest";
import { TranscriptionError } from "../../src/index.js";
import { wav } from "../support/audio.js";
import { fakeSegment, peakLabel } from "../support/fake-engine.js";
import { speech } from "../support/fake-implementation.js";
import {
  answered,
  answerToBeginning,
  eventsOf,
  formOf,
  type HttpServer,
  post,
  startHttp,
  uploadsOnDisk,
} from "../support/http-server.js";
import { readMetrics } from "../support/metrics.js";
import { RECORDING, startUnready, until } from "../support/server.js";
import { latch } from "../support/transcribe-fake.js";
import { TranscriptionClient } from "../support/transcription-client.js";

const PATH = "/v1/audio/transcriptions";
const never = () => new Promise<void>(() => {});
/** Two bursts of sound: two windows. */
const TWO = wav([speech(2).samples], 16_000);

/** Nothing of any request is left, and another one is answered. */
async function expectRecovery({ engine, server, url }: HttpServer): Promise<void> {
  await until(() => engine.running === 0 && uploadsOnDisk() === 0);
  await until(async () => (await readMetrics(server.httpPort!)).get("agora_open_calls") === 0);
  const metrics = await readMetrics(server.httpPort!);
  expect(metrics.get('agora_budget_used_bytes{of="memory"}')).toBe(0);
  expect(metrics.get('agora_budget_used_bytes{of="disk"}')).toBe(0);
  engine.options.gate = async () => {};
  expect((await post(url, formOf(RECORDING))).json.text).toBe("1");
}

const held: Server[] = [];
afterEach(() => {
  for (const server of held.splice(0)) server.close();
});

/** Somebody on that port of this machine; undefined where there is one already. */
async function listening(port: number): Promise<Server | undefined> {
  const server = createServer().listen(port, "127.0.0.1");
  const [error] = await Promise.race([once(server, "listening"), once(server, "error")]).catch((e) => [e]);
  if (error !== undefined) return undefined;
  held.push(server);
  return server;
}

/** Starts something at a port that was free a moment ago: somebody else may have been faster, and then at another. */
async function atFreePort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let left = 5; ; left--) {
    const server = (await listening(0))!;
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    try {
      return await start(port);
    } catch (error) {
      if (left === 1 || !String(error).includes(`:${port} `)) throw error;
    }
  }
}

/** What else takes a recording. */
const OTHERS = [
  "/v1/audio/diarization",
  "/v1/audio/speech/timestamps",
  "/asr",
  "/detect-language",
  "/inference",
];

describe("a client that is gone", () => {
  it("in the middle of its upload leaves nothing behind", async () => {
    const fake = await startHttp();
    const socket = connect(fake.server.httpPort!, "127.0.0.1");
    const head = `POST ${PATH} HTTP/1.1\r\nhost: localhost\r\ncontent-type: multipart/form-data; boundary=x\r\n`;
    const file = '--x\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n';
    socket.write(`${head}content-length: 1000000\r\n\r\n${file}`);
    socket.write(RECORDING.subarray(0, 200_000));
    await until(() => uploadsOnDisk() === 1);
    socket.destroy();
    await until(() => fake.lines.some((line) => /INFO - \[\w+\] Cancelled by the client/.test(line)));
    await expectRecovery(fake);
  });

  it.each([false, true])("while it is transcribed stops the engine (events: %s)", async (isStream) => {
    const fake = await startHttp({
      gate: (index) => (index === 0 ? Promise.resolve() : never()),
      concurrency: 1,
    });
    const controller = new AbortController();
    const fields = isStream ? { stream: "true" } : {};
    const call = post(fake.url, formOf(TWO, fields), { signal: controller.signal });
    await until(() => fake.engine.windows.length === 2);
    controller.abort();
    await expect(call).rejects.toThrow();
    await until(() => fake.engine.cancellations === 1);
    await expectRecovery(fake);
  });

  it.each(["/asr", "/inference"])("stops what it asked of %s as well", async (path) => {
    const fake = await startHttp({ gate: (index) => (index === 0 ? never() : Promise.resolve()) });
    const controller = new AbortController();
    const call = post(fake.url, formOf(RECORDING), { path, signal: controller.signal });
    await until(() => fake.engine.running === 1);
    controller.abort();
    await expect(call).rejects.toThrow();
    await until(() => fake.engine.cancellations === 1);
    const outcome = `agora_requests_total{method="POST ${path}",outcome="CANCELLED"}`;
    await until(async () => (await readMetrics(fake.server.httpPort!)).get(outcome) === 1);
    await expectRecovery(fake);
  });

  it("while it waits gives up its place", async () => {
    const { opened, open } = latch();
    const fake = await startHttp({ gate: () => opened, settings: { maxWorkers: 1 } });
    const running = post(fake.url, formOf(RECORDING));
    await until(() => fake.engine.running === 1);
    const controller = new AbortController();
    const waiting = post(fake.url, formOf(RECORDING), { signal: controller.signal });
    const queue = 'agora_queue_length{stage="worker"}';
    await until(async () => (await readMetrics(fake.server.httpPort!)).get(queue) === 1);
    controller.abort();
    await expect(waiting).rejects.toThrow();
    await until(async () => (await readMetrics(fake.server.httpPort!)).get(queue) === 0);
    open();
    expect((await running).status).toBe(200);
    await expectRecovery(fake);
  });

  it("or does not read its answer loses its connection", async () => {
    const text = "long ".repeat(4 * 1024 ** 2);
    const fake = await startHttp({
      answer: (samples) => ({ segments: [fakeSegment(text, 0, samples.length / 16_000)] }),
      settings: { idleTimeout: 0.1 },
    });
    const socket = connect(fake.server.httpPort!, "127.0.0.1");
    const body = Buffer.from(await new Response(formOf(RECORDING)).arrayBuffer());
    const [, boundary] = /^--(.*?)\r\n/.exec(body.toString("latin1"))!;
    socket.write(
      `POST ${PATH} HTTP/1.1\r\nhost: localhost\r\ncontent-type: multipart/form-data; boundary=${boundary}\r\ncontent-length: ${body.length}\r\n\r\n`,
    );
    socket.pause();
    socket.on("error", () => {});
    socket.write(body);
    const outcome = `agora_requests_total{method="POST ${PATH}",outcome="DEADLINE_EXCEEDED"}`;
    await until(async () => (await readMetrics(fake.server.httpPort!)).get(outcome) === 1);
    socket.destroy();
  });
});

describe("a server that is busy", () => {
  it("says when to come back, before it is sent anything", async () => {
    const { opened, open } = latch();
    const fake = await startHttp({ gate: () => opened, settings: { maxWorkers: 1, maxQueue: 0 } });
    const running = post(fake.url, formOf(RECORDING));
    await until(() => fake.engine.running === 1);
    const { headers, json, status } = await post(fake.url, formOf(RECORDING));
    expect(status).toBe(429);
    expect(Number(headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect(headers.get("x-should-retry")).toBeNull();
    expect(json.error).toMatchObject({ type: "rate_limit_error", code: "QUEUE_FULL" });
    expect(json.error.message).toContain("SERVER_MAX_QUEUE");
    for (const path of OTHERS)
      expect(await post(fake.url, formOf(RECORDING), { path })).toMatchObject({
        status: 429,
        json: { error: { code: "QUEUE_FULL" } },
      });
    expect(uploadsOnDisk()).toBe(1);
    open();
    expect((await running).status).toBe(200);
    await expectRecovery(fake);
  });

  it("counts uploads on disk before they arrive", async () => {
    const { server } = await startHttp({ settings: { maxDiskBytes: 1024 ** 2 } });
    const text = await answerToBeginning(server.httpPort!, {
      "content-type": "multipart/form-data; boundary=x",
      "content-length": 2 * 1024 ** 2,
    });
    expect(text).toMatch(/^HTTP\/1\.1 429 /);
    expect(text).toContain("SERVER_MAX_DISK_BYTES");
  });

  it("refuses more calls than it may have, whatever door they come through", async () => {
    const { opened, open } = latch();
    const fake = await startHttp({ gate: () => opened, settings: { maxCalls: 1 } });
    const running = fake.client.unary({ audio_data: RECORDING, filename: "a.wav" });
    await until(() => fake.engine.running === 1);
    expect((await post(fake.url, formOf(RECORDING))).json.error.message).toContain("SERVER_MAX_CALLS");
    open();
    expect((await running).success).toBe(true);
    await expectRecovery(fake);
  });
});

describe("a request that takes too long", () => {
  it.each([
    [{ requestTimeout: 0.2 }, {}, "SERVER_REQUEST_TIMEOUT (0.2 s)"],
    [{}, { timeout: "0.2" }, "timeout (0.2 s)"],
  ])("fails, and is not to be sent again (%o, %o)", async (settings, fields, limit) => {
    const fake = await startHttp({ gate: never, settings });
    const { headers, json, status } = await post(fake.url, formOf(RECORDING, fields));
    expect(status).toBe(504);
    expect(headers.get("x-should-retry")).toBe("false");
    expect(json.error.message).toBe(`The request took longer than ${limit}`);
    await expectRecovery(fake);
  });
});

describe("a stream of events", () => {
  it("has the text as it is written, and its end", async () => {
    const { url } = await startHttp();
    const { headers, text } = await post(url, formOf(TWO, { stream: "true" }));
    expect(headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(headers.get("x-accel-buffering")).toBe("no");
    expect(headers.get("x-request-id")).toMatch(/^[0-9a-f]{16}$/);
    const events = eventsOf(text).filter(({ data }) => data.type !== "progress");
    expect(events.map(({ data }) => data)).toEqual([
      { type: "transcript.text.delta", delta: "1" },
      { type: "transcript.text.delta", delta: " 2" },
      { type: "transcript.text.done", text: "1 2", languages: [{ code: "en" }] },
    ]);
  });

  it("that fails has the failure as its last event, which clients make an error of", async () => {
    const fake = await startHttp({
      concurrency: 1,
      answer: (samples, _, index) => {
        if (index > 0) throw new TranscriptionError("OUT_OF_MEMORY", "No memory is left");
        return { segments: [fakeSegment(peakLabel(samples), 0, samples.length / 16_000)] };
      },
    });
    const { status, text } = await post(fake.url, formOf(TWO, { stream: "true" }));
    expect(status).toBe(200);
    expect(eventsOf(text).at(-1)).toEqual({
      event: "error",
      data: {
        error: { message: "No memory is left", type: "server_error", param: null, code: "OUT_OF_MEMORY" },
      },
    });
    const client = new OpenAI({ apiKey: "none", baseURL: `${fake.url}/v1`, maxRetries: 0 });
    const file = await toFile(TWO, "a.wav");
    fake.engine.windows.length = 0;
    const reading = async () => {
      const stream = await client.audio.transcriptions.create({ file, model: "whisper-1", stream: true });
      for await (const _ of stream);
    };
    await expect(reading()).rejects.toThrow(OpenAI.APIError);
  });

  it("that fails before it begins has a status of its own", async () => {
    const { url } = await startHttp();
    expect((await post(url, formOf(Buffer.from("PK\x03\x04"), { stream: "true" }))).status).toBe(400);
    const { json } = await post(url, formOf(RECORDING, { stream: "true", response_format: "srt" }));
    expect(json.error).toMatchObject({ param: "response_format" });
  });
});

describe("the server", () => {
  it("answers that it does not serve yet, and serves what it has begun before it stops", async () => {
    const loading = latch();
    const gate = latch();
    const { engine, lines, server } = await startUnready({
      loading: loading.opened,
      gate: () => gate.opened,
      settings: { http: true, httpPort: 0 },
    });
    const url = `http://127.0.0.1:${server.httpPort}`;
    const get = async (path: string) =>
      answered(await fetch(url + path, { headers: { connection: "close" } }));
    const early = await post(url, formOf(RECORDING));
    expect(early).toMatchObject({ status: 503, json: { error: { code: "UNAVAILABLE" } } });
    expect(early.headers.get("retry-after")).toBe("1");
    expect(await get("/ready")).toMatchObject({ status: 503, json: { status: "loading" } });
    loading.open();
    await server.ready;
    expect(await get("/ready")).toMatchObject({ status: 200, json: { status: "ok" } });
    // A connection that is open already may come with another request.
    const kept = connect(server.httpPort!, "127.0.0.1");
    let said = "";
    kept.on("data", (data) => {
      said += data;
    });
    kept.write("GET /v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n");
    await until(() => said.includes("whisper-1"));
    const running = post(url, formOf(RECORDING));
    await until(() => engine.running === 1);
    const stopped = server.stop();
    await until(() => lines.some((line) => line.includes("Waiting up to 30 s for 1 open calls")));
    gate.open();
    expect((await running).json.text).toBe("1");
    await stopped;
    await expect(fetch(`${url}/health`)).rejects.toThrow();
    if (!kept.closed) await once(kept, "close");
  });

  it("ends what outlasts the grace period with UNAVAILABLE", async () => {
    const { engine, server, url } = await startHttp({ gate: never, settings: { shutdownGrace: 0.2 } });
    const running = post(url, formOf(RECORDING));
    await until(() => engine.running === 1);
    const stopped = server.stop();
    expect(await running).toMatchObject({ status: 503, json: { error: { code: "UNAVAILABLE" } } });
    await stopped;
  });

  it("may have one door alone", async () => {
    const { server, url } = await startHttp({ settings: { grpc: false } });
    expect(server.port).toBe(0);
    expect((await post(url, formOf(RECORDING))).json.text).toBe("1");
    const other = await startHttp({ settings: { http: false } });
    expect(other.server.httpPort).toBeUndefined();
    const client = new TranscriptionClient(other.server.port);
    expect((await client.unary({ audio_data: RECORDING, filename: "a.wav" })).transcript).toBe("1");
  });

  it("is left out with a warning where another program has its usual port, and gRPC goes on", async () => {
    await listening(8000);
    const unnamed = { httpPort: undefined };
    const { lines, port, server } = await atFreePort(async (port) => ({
      ...(await startHttp({ settings: { ...unnamed, port } })),
      port,
    }));
    expect(server.httpPort).toBeUndefined();
    expect(lines.join("")).toMatch(/WARNING - Cannot listen on .*:8000 .*There is no HTTP: set HTTP_PORT/);
    const client = new TranscriptionClient(port);
    expect((await client.unary({ audio_data: RECORDING, filename: "a.wav" })).transcript).toBe("1");
    // Unless it was asked for, or there is nothing else; and nobody asks for it who takes any port.
    await expect(startHttp({ settings: { httpPort: 8000 } })).rejects.toThrow("EADDRINUSE");
    await expect(startHttp({ settings: { ...unnamed, port, grpc: false } })).rejects.toThrow("EADDRINUSE");
    expect((await startHttp({ settings: unnamed })).server.httpPort).toBeGreaterThan(0);
  });

  it("has in its log and its metrics what gRPC's calls have there", async () => {
    const { lines, server, url } = await startHttp({ settings: { logFormat: "json" } });
    const headers = { "x-request-id": "trace-1" };
    const { headers: answer } = await post(url, formOf(RECORDING, {}, "Звонок.wav"), { headers });
    expect(answer.get("x-request-id")).toBe("trace-1");
    await post(url, formOf(Buffer.from("PK\x03\x04")));
    const entries = lines
      .map((line) => JSON.parse(line))
      .filter(({ request_id }) => request_id === "trace-1");
    expect(entries[0]).toMatchObject({
      message: 'Request: file "Звонок.wav", 0.40 MB, format not given',
      method: `POST ${PATH}`,
      peer: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    });
    expect(entries[1]).toMatchObject({
      code: "OK",
      audio_seconds: 13,
      seconds_uploading: expect.any(Number),
      seconds_working: expect.any(Number),
      model: "fake",
    });
    const metrics = await readMetrics(server.httpPort!);
    const count = (outcome: string) =>
      metrics.get(`agora_requests_total{method="POST ${PATH}",outcome="${outcome}"}`);
    expect([count("OK"), count("UNSUPPORTED_FORMAT")]).toEqual([1, 1]);
    expect(metrics.get("agora_upload_bytes_total")).toBe(RECORDING.length + 4);
  });
});
