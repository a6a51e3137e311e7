import { connect } from "node:http2";
import { setTimeout as pause } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { loadDefinitions, serviceIn, V1_SERVICE, V2_SERVICE } from "../../src/doors/grpc/definitions.js";
import { lightArrival } from "../../src/doors/grpc/light-calls.js";
import { Storage } from "../../src/service/storage.js";
import { fakeSegment } from "../support/fake-engine.js";
import { readMetrics } from "../support/metrics.js";
import { RECORDING, startFakeServer, until } from "../support/server.js";
import { latch } from "../support/transcribe-fake.js";
import { chunked } from "../support/transcription-client.js";
import { startV2 } from "../support/v2-server.js";
import { framed, send } from "../support/wire.js";

const MIB = 1024 ** 2;
const HTTP = { metricsHost: "localhost", metricsPort: 0 };
const V2 = serviceIn(loadDefinitions(), V2_SERVICE);
const REQUEST = framed(V2.Transcribe!.requestSerialize({ audio: RECORDING }));
const USED = 'agora_budget_used_bytes{of="memory"}';

describe("a client that sends nothing more is given up", () => {
  it.each([
    [`${V2_SERVICE}/Transcribe`, "nothing", []],
    [`${V2_SERVICE}/Transcribe`, "its message", [REQUEST]],
    [`${V2_SERVICE}/TranscribeUpload`, "nothing", []],
    [`${V2_SERVICE}/GetServerInfo`, "nothing", []],
    [`${V2_SERVICE}/GetServerInfo`, "its message", [framed(Buffer.alloc(0))]],
    ["grpc.health.v1.Health/Check", "nothing", []],
    ["grpc.health.v1.Health/Watch", "its message", [framed(Buffer.alloc(0))]],
  ])("in a call of %s after %s", async (method, _, data) => {
    const { server } = await startFakeServer({ settings: { ...HTTP, idleTimeout: 0.1 } });
    expect(await send(server.port, { method, data, ends: false })).toMatchObject({
      code: status.DEADLINE_EXCEEDED,
      message: "No data arrived for SERVER_IDLE_TIMEOUT (0.1 s)",
    });
    await until(async () => (await readMetrics(server.metricsPort!)).get("agora_open_calls") === 0);
  });

  it("by v1 in band", async () => {
    const { server, lines } = await startFakeServer({ settings: { idleTimeout: 0.1 } });
    const method = `${V1_SERVICE}/TranscribeAudio`;
    expect(await send(server.port, { method, data: [], ends: false })).toMatchObject({ code: status.OK });
    expect(lines.join("")).toContain("No data arrived for SERVER_IDLE_TIMEOUT");
  });

  it("and one that reads no answer keeps no others from being read", async () => {
    const { server, client, engine } = await startFakeServer({
      settings: { maxWorkers: 1, idleTimeout: 30 },
      answer: () => ({ segments: [fakeSegment("word ".repeat(1000), 0, 1)] }),
    });
    const session = connect(`http://localhost:${server.port}`, { settings: { initialWindowSize: 100 } });
    onTestFinished(() => session.destroy());
    for (let i = 0; i < 3; i++) {
      const call = session.request({
        ":method": "POST",
        ":path": `/${V2_SERVICE}/Transcribe`,
        "content-type": "application/grpc",
        te: "trailers",
      });
      call.end(REQUEST);
    }
    await until(() => engine.windows.length === 3);
    expect((await client.unary({ audio_data: RECORDING, filename: "a.wav" })).success).toBe(true);
  });

  it("so that many of them keep no others from being read", async () => {
    const { server, client } = await startFakeServer({ settings: { maxWorkers: 2, idleTimeout: 0.2 } });
    const method = `${V2_SERVICE}/Transcribe`;
    const silent = Array.from({ length: 20 }, () => send(server.port, { method, data: [], ends: false }));
    expect((await client.unary({ audio_data: RECORDING, filename: "a.wav" })).success).toBe(true);
    for (const { code } of await Promise.all(silent)) expect(code).toBe(status.DEADLINE_EXCEEDED);
  });
});

describe("a client is not silent", () => {
  it.each<[string, string, Buffer[]]>([
    ["one message", `${V2_SERVICE}/Transcribe`, [REQUEST]],
    [
      "a message of a stream",
      `${V2_SERVICE}/TranscribeUpload`,
      [{ config: {} }, { data: RECORDING }].map((message) =>
        framed(V2.TranscribeUpload!.requestSerialize(message)),
      ),
    ],
  ])("while %s arrives slowly but steadily", async (_, method, messages) => {
    const { server } = await startFakeServer({ settings: { idleTimeout: 2 } });
    const bytes = Buffer.concat(messages);
    async function* slowly() {
      for (let i = 0; i < 12; i++) {
        yield bytes.subarray((i * bytes.length) / 12, ((i + 1) * bytes.length) / 12);
        await pause(200);
      }
    }
    expect(await send(server.port, { method, data: slowly() })).toMatchObject({ code: status.OK });
  });

  it("while it waits for memory that others have", async () => {
    const { server } = await startFakeServer({
      settings: { ...HTTP, maxMemoryBytes: 2 * MIB, idleTimeout: 2 },
    });
    const large = framed(V2.Transcribe!.requestSerialize({ audio: Buffer.alloc(2 * MIB - 1000) }));
    const { opened: seen, open } = latch();
    async function* slowly() {
      yield large.subarray(0, 1000);
      await seen;
      for (let i = 1; i < 13; i++) {
        yield large.subarray(i * 1000, (i + 1) * 1000);
        await pause(200);
      }
      yield large.subarray(13_000);
    }
    const first = send(server.port, { method: `${V2_SERVICE}/Transcribe`, data: slowly() });
    await until(async () => (await readMetrics(server.metricsPort!)).get(USED)! > MIB);
    const second = send(server.port, { method: `${V2_SERVICE}/Transcribe`, data: [REQUEST] });
    open();
    expect(await second).toMatchObject({ code: status.OK });
    expect((await first).message).not.toContain("SERVER_IDLE_TIMEOUT");
  });
});

describe("a request that trickles is given up", () => {
  it.each([
    ["grpc.health.v1.Health/Check", framed(Buffer.alloc(0), false, 1000)],
    ["grpc.health.v1.Health/Watch", framed(Buffer.alloc(0), false, 1000)],
    [`${V2_SERVICE}/GetServerInfo`, framed(Buffer.alloc(0), false, 1000)],
    [`${V2_SERVICE}/Transcribe`, REQUEST.subarray(0, 1000)],
  ])("in a call of %s", async (method, head) => {
    const { server } = await startFakeServer({ settings: { uploadTimeout: 0.3 } });
    async function* slowly() {
      yield head;
      for (let i = 0; i < 20; i++) {
        await pause(50);
        yield Buffer.alloc(1);
      }
    }
    expect(await send(server.port, { method, data: slowly(), ends: false })).toMatchObject({
      code: status.DEADLINE_EXCEEDED,
      message: "The request did not arrive within SERVER_UPLOAD_TIMEOUT (0.3 s)",
    });
  });
});

it("a request without a recording that trickles is given up long before a recording would be", () => {
  expect(lightArrival(1800)).toEqual({ seconds: 10, message: "The request did not arrive within 10 s" });
  expect(lightArrival(Number.POSITIVE_INFINITY).seconds).toBe(10);
  expect(lightArrival(5)).toEqual({
    seconds: 5,
    message: "The request did not arrive within SERVER_UPLOAD_TIMEOUT (5 s)",
  });
});

it("a stream has no more than two messages in memory while the disk is slow", async () => {
  const { server, v2, client } = await startV2({ settings: { ...HTTP, idleTimeout: 0.3 } });
  const { opened, open } = latch();
  const attempt = vi.spyOn(Storage.prototype, "attempt");
  onTestFinished(() => attempt.mockRestore());
  attempt.mockImplementation(async (work) => {
    await opened;
    return work();
  });
  const recording = Buffer.concat([RECORDING, Buffer.alloc(12 * MIB)]);
  const upload = client.stream(chunked(recording, "a.wav", MIB));
  let most = 0;
  for (let i = 0; i < 12; i++) {
    most = Math.max(most, (await readMetrics(server.metricsPort!)).get(USED)!);
    await pause(50);
  }
  expect(most).toBeGreaterThan(MIB);
  expect(most).toBeLessThan(2.5 * MIB);
  expect((await v2.serverInfo()).load).toMatchObject({ open_calls: 2 });
  open();
  expect((await upload).error_message).not.toMatch(/SERVER_IDLE_TIMEOUT/);
});
