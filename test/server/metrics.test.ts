import { type AddressInfo, createServer } from "node:net";
import { Registry } from "prom-client";
import { describe, expect, it, onTestFinished } from "vitest";
import { MetricsPage } from "../../src/doors/metrics/page.js";
import { counter, observedGauge } from "../../src/service/metrics/observed.js";
import { ServerMetrics } from "../../src/service/metrics/server-metrics.js";
import { readMetrics } from "../support/metrics.js";
import { result } from "../support/results.js";
import { RECORDING, startFakeServer, startUnready, until } from "../support/server.js";
import { latch } from "../support/transcribe-fake.js";
import { chunked, statusOf } from "../support/transcription-client.js";
import { uploadOf, V2Client } from "../support/v2-client.js";

const REQUEST = { audio_data: RECORDING, filename: "a.wav" };
const HTTP = { metricsHost: "localhost", metricsPort: 0 };

const get = (port: number | undefined, path: string, init?: RequestInit): Promise<Response> =>
  fetch(`http://localhost:${port}${path}`, init);

it("have help, type and samples of each in their text", async () => {
  const registry = new Registry();
  const numbers = counter(registry, "a_total", "What\nit is.", ["who"]);
  observedGauge(registry, "g", "Now.", () => 1.5);
  observedGauge(registry, "none", "Not now.", () => undefined);
  observedGauge(registry, "parts", "Each.", () => [[{ of: "disk" }, 2]], ["of"]);
  numbers.inc({ who: 'a"\\\n' }, 2);
  for (let scrape = 0; scrape < 2; scrape++) {
    expect(await registry.metrics()).toBe(
      [
        "# HELP a_total What\\nit is.",
        "# TYPE a_total counter",
        'a_total{who="a\\"\\\\\\n"} 2',
        "",
        "# HELP g Now.",
        "# TYPE g gauge",
        "g 1.5",
        "",
        "# HELP none Not now.",
        "# TYPE none gauge",
        "",
        "# HELP parts Each.",
        "# TYPE parts gauge",
        'parts{of="disk"} 2',
        "",
      ].join("\n"),
    );
  }
});

it("are shown while the server starts, without what is not there yet", async () => {
  const registry = new Registry();
  observedGauge(registry, "broken", "Fails.", () => {
    throw new Error("not yet");
  });
  observedGauge(registry, "fine", "Does not.", () => 1);
  expect(await registry.metrics()).toContain("fine 1\n");
  const errors: Error[] = [];
  const front = await MetricsPage.open("localhost", 0, {
    metrics: async () => {
      throw new Error("no page");
    },
    notReady: () => undefined,
    onError: (error) => errors.push(error),
  });
  onTestFinished(() => front.close());
  expect((await get(front.port, "/metrics")).status).toBe(500);
  expect((await get(front.port, "/healthz")).status).toBe(200);
  expect(errors.map(({ message }) => message)).toEqual(["no page"]);
});

describe("metrics", () => {
  it("count calls by method and outcome, audio, and times", async () => {
    const { client, engine, server } = await startFakeServer({
      settings: HTTP,
      gate: (index) => (index < 3 ? Promise.resolve() : new Promise(() => {})),
    });
    const v2 = new V2Client(server.port);
    await client.unary(REQUEST);
    await client.stream(chunked(RECORDING, "a.wav"));
    await client.unary({ filename: "a.wav" });
    await client.unary({ audio_data: Buffer.from("PK\x03\x04"), filename: "a.mp3" });
    await v2.transcribe({ audio: RECORDING });
    await statusOf(v2.transcribe({ audio: RECORDING, config: { options: { beam_size: -1 } } }));
    const call = v2.events();
    for (const message of uploadOf(RECORDING)) call.write(message);
    call.end();
    await until(() => engine.running === 1);
    call.cancel();
    const method = (version: string, name: string) => `transcription.${version}.TranscriptionService/${name}`;
    const ended = (name: string, outcome: string) =>
      `agora_requests_total{method="${name}",outcome="${outcome}"}`;
    const cancelled = ended(method("v2", "TranscribeUploadEvents"), "CANCELLED");
    await until(async () => (await readMetrics(server.metricsPort!)).has(cancelled));
    const { headers } = await get(server.metricsPort, "/metrics");
    expect(headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    const seen = await readMetrics(server.metricsPort!);
    const requests = [...seen].filter(([name]) => name.startsWith("agora_requests_total"));
    expect(Object.fromEntries(requests)).toEqual({
      [ended(method("v1", "TranscribeAudio"), "OK")]: 1,
      [ended(method("v1", "TranscribeAudio"), "INVALID_ARGUMENT")]: 1,
      [ended(method("v1", "TranscribeAudio"), "UNSUPPORTED_FORMAT")]: 1,
      [ended(method("v1", "TranscribeAudioStream"), "OK")]: 1,
      [ended(method("v2", "Transcribe"), "OK")]: 1,
      [ended(method("v2", "Transcribe"), "INVALID_ARGUMENT")]: 1,
      [cancelled]: 1,
    });
    expect(Object.fromEntries(seen)).toMatchObject({
      agora_audio_seconds_total: 39,
      agora_processing_seconds_count: 3,
      agora_real_time_factor_count: 3,
      agora_queue_seconds_count: 5,
      agora_open_calls: 0,
      agora_workers_busy: 0,
      'agora_queue_length{stage="unread"}': 0,
      'agora_queue_length{stage="worker"}': 0,
      agora_serving: 1,
      agora_upload_bytes_total: 5 * RECORDING.length + 4,
    });
    for (const name of ["process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds"])
      expect(seen.get(name)).toBeGreaterThan(0);
    expect([...seen.keys()].find((name) => name.startsWith("agora_info"))).toMatch(
      /^agora_info\{version="[\d.]+",implementation="fake",model="fake",device="fake"\}$/,
    );
  });

  it("tell what languages were heard and how surely, and how many speakers where they were told apart", async () => {
    const heard = [
      [
        { language: "ru", probability: 0.9 },
        { language: "en", probability: 0.1 },
      ],
      [
        { language: "ru", probability: 0.7 },
        { language: "en", probability: 0.3 },
      ],
    ];
    const { client, server } = await startFakeServer({ settings: HTTP, detect: (_, index) => heard[index]! });
    const v2 = new V2Client(server.port);
    await client.unary(REQUEST);
    await client.unary(REQUEST);
    // What is said need not be detected.
    const options = { language: "de", channels: { each: true } };
    await v2.transcribe({ audio: RECORDING, config: { options } });
    const seen = await readMetrics(server.metricsPort!);
    expect(seen.get('agora_transcriptions_total{language="ru"}')).toBe(2);
    expect(seen.get('agora_transcriptions_total{language="de"}')).toBe(1);
    expect(seen.get('agora_language_probability_count{language="ru"}')).toBe(2);
    expect(seen.get('agora_language_probability_sum{language="ru"}')).toBeCloseTo(1.6);
    expect(seen.get('agora_language_probability_bucket{le="0.8",language="ru"}')).toBe(1);
    expect(seen.has('agora_language_probability_count{language="de"}')).toBe(false);
    expect(seen.get("agora_recording_speakers_count")).toBe(1);
    expect(seen.get("agora_recording_speakers_sum")).toBe(1);
  });

  it("have no more series than there are languages, whatever an implementation says", async () => {
    const metrics = new ServerMetrics();
    for (let i = 0; i < 1000; i++) metrics.transcribed(result([], { language: `made-up-${i}` }));
    metrics.transcribed(result([], { language: "" }));
    const series = (await metrics.text()).match(/^agora_transcriptions_total.*$/gm);
    expect(series).toEqual([
      'agora_transcriptions_total{language="other"} 1000',
      'agora_transcriptions_total{language="none"} 1',
    ]);
  });

  it("show what runs and waits, and how full the batch is", async () => {
    const { opened, open } = latch();
    const { client, engine, server } = await startFakeServer({
      gate: () => opened,
      settings: { ...HTTP, maxWorkers: 1 },
    });
    const calls = Array.from({ length: 4 }, () => client.unary(REQUEST));
    await until(() => engine.running === 1);
    await until(
      async () => (await readMetrics(server.metricsPort!)).get('agora_queue_length{stage="unread"}') === 2,
    );
    expect(Object.fromEntries(await readMetrics(server.metricsPort!))).toMatchObject({
      agora_open_calls: 4,
      agora_workers_busy: 1,
      'agora_queue_length{stage="worker"}': 1,
      'agora_batch_windows{state="running"}': 1,
      'agora_batch_windows{state="waiting"}': 0,
      agora_batch_capacity: 2,
    });
    open();
    await Promise.all(calls);
  });
});

describe("probes", () => {
  it("tell that the process lives, and whether it takes calls", async () => {
    const { opened, open } = latch();
    const gate = latch();
    const { client, server, engine } = await startUnready({
      loading: opened,
      gate: () => gate.opened,
      settings: HTTP,
    });
    const ready = async () => {
      const response = await get(server.metricsPort, "/readyz?verbose");
      return `${response.status} ${await response.text()}`;
    };
    expect((await get(server.metricsPort, "/healthz")).status).toBe(200);
    expect(await ready()).toBe("503 loading\n");
    open();
    await server.ready;
    expect(await ready()).toBe("200 ok\n");
    const call = client.unary(REQUEST);
    await until(() => engine.running === 1);
    const stopped = server.stop();
    expect(await ready()).toBe("503 stopping\n");
    expect((await get(server.metricsPort, "/healthz")).status).toBe(200);
    gate.open();
    expect((await call).success).toBe(true);
    await stopped;
    await expect(get(server.metricsPort, "/healthz")).rejects.toThrow();
  });

  it("answer nothing else", async () => {
    const { server } = await startFakeServer({ settings: HTTP });
    expect((await get(server.metricsPort, "/")).status).toBe(404);
    expect((await get(server.metricsPort, "/metrics/../etc/passwd")).status).toBe(404);
    const posted = await get(server.metricsPort, "/metrics", { method: "POST", body: "x" });
    expect(posted.status).toBe(405);
    expect(posted.headers.get("allow")).toBe("GET, HEAD");
    const head = await get(server.metricsPort, "/metrics", { method: "HEAD" });
    expect(head.status).toBe(200);
    expect(await head.text()).toBe("");
  });

  it("are not there unless they are asked for", async () => {
    const { server } = await startFakeServer();
    expect(server.metricsPort).toBeUndefined();
  });

  it("say which address they cannot have", async () => {
    const taken = createServer().listen(0, "localhost");
    await until(() => taken.listening);
    const { port } = taken.address() as AddressInfo;
    await expect(
      startFakeServer({ settings: { metricsHost: "localhost", metricsPort: port } }),
    ).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(
        /^Cannot listen on localhost:\d+ \(SERVER_HTTP_HOST, SERVER_HTTP_PORT\): .*EADDRINUSE/,
      ),
    });
    taken.close();
  });
});
