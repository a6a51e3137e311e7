import { connect as connectHttp2, type ServerHttp2Stream } from "node:http2";
import { connect, type Socket } from "node:net";
import { Metadata, type ServerInterceptingCallInterface, status } from "@grpc/grpc-js";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { AnsweringCall } from "../../src/doors/grpc/answering-call.js";
import { V1_SERVICE, V2_SERVICE } from "../../src/doors/grpc/definitions.js";
import { MAX_WATCHES_PER_CONNECTION } from "../../src/doors/grpc/light-calls.js";
import { HTTP2_LIMITS } from "../../src/doors/grpc/transport/limits.js";
import { checkHealth, watchHealth } from "../support/grpc-services.js";
import * as h2 from "../support/http2-frames.js";
import { readMetrics } from "../support/metrics.js";
import { type FakeServer, RECORDING, startFakeServer, until } from "../support/server.js";
import { latch } from "../support/transcribe-fake.js";
import { statusOf } from "../support/transcription-client.js";
import { failureOf, V2Client } from "../support/v2-client.js";

const REQUEST = { audio_data: RECORDING, filename: "a.wav" };
const HTTP = { metricsHost: "localhost", metricsPort: 0 };
const UPLOAD = `/${V1_SERVICE}/TranscribeAudioStream`;

/** A connection that a test writes frames to, with one call open on it. */
async function rawConnection({ server }: FakeServer): Promise<{ socket: Socket; closed: Promise<void> }> {
  const socket = connect(server.port, "localhost");
  socket.on("error", () => {});
  socket.resume();
  onTestFinished(() => void socket.destroy());
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.write(h2.PREFACE);
  socket.write(h2.frame(h2.HEADERS, h2.END_HEADERS, 1, h2.callHeaders(UPLOAD)));
  await until(async () => (await readMetrics(server.metricsPort!)).get("agora_open_calls") === 1);
  return { socket, closed };
}

/** Errors of a client, some of which leave nghttp2 mute. */
const ERRORS: Record<string, Buffer> = {
  "CONTINUATION without HEADERS": h2.frame(h2.CONTINUATION, h2.END_HEADERS, 1, h2.callHeaders(UPLOAD)),
  "SETTINGS of a wrong length": h2.frame(h2.SETTINGS, 0, 0, Buffer.alloc(5)),
  "a PING of a wrong length": h2.frame(h2.PING, 0, 0, Buffer.alloc(7)),
  "headers that cannot be decoded": h2.frame(h2.HEADERS, h2.END_HEADERS, 3, Buffer.alloc(6, 0xff)),
  "DATA of a stream that is not open": h2.frame(h2.DATA, 0, 7, Buffer.from("x")),
  "a frame above the limit": h2.frame(h2.DATA, 0, 1, Buffer.alloc(20_000)),
  "a window above the limit": Buffer.concat(
    [1, 2].map(() => h2.frame(h2.WINDOW_UPDATE, 0, 0, h2.uint32(2 ** 31 - 1))),
  ),
  "a flood of SETTINGS": Buffer.concat(Array.from({ length: 5000 }, () => h2.frame(h2.SETTINGS, 0, 0))),
};

describe("a connection", () => {
  it.each(Object.entries(ERRORS))("is closed, and its calls with it, after %s", async (_, bytes) => {
    const fake = await startFakeServer({ settings: HTTP });
    const { socket, closed } = await rawConnection(fake);
    socket.write(bytes);
    await closed;
    await until(async () => (await readMetrics(fake.server.metricsPort!)).get("agora_open_calls") === 0);
    expect((await fake.client.unary(REQUEST)).success).toBe(true);
    expect(fake.lines.join("")).toContain("Closed the connection of ");
  });

  it("announces its limits to clients", async () => {
    const { server } = await startFakeServer({ settings: { maxStreams: 77 } });
    const session = connectHttp2(`http://localhost:${server.port}`);
    onTestFinished(() => session.destroy());
    await new Promise((resolve) => session.once("remoteSettings", resolve));
    expect(session.remoteSettings).toMatchObject({
      maxConcurrentStreams: 77,
      maxHeaderListSize: HTTP2_LIMITS.maxHeaderListBytes,
    });
    expect((await new V2Client(server.port).serverInfo()).limits).toMatchObject({
      max_streams: 77,
      max_header_bytes: HTTP2_LIMITS.maxHeaderListBytes,
    });
  });

  it("stays for its calls when it was asked to leave, is pinged meanwhile, and is gone after them", async () => {
    const { opened, open } = latch();
    const { client, server, engine } = await startFakeServer({
      gate: () => opened,
      settings: { ...HTTP, keepaliveTime: 0.1, keepaliveTimeout: 0.5, maxConnectionAge: 0.3 },
    });
    const running = client.unary(REQUEST);
    await until(() => engine.running === 1);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const next = client.unary(REQUEST);
    await until(() => engine.running === 2 || engine.windows.length === 2);
    open();
    expect((await running).success).toBe(true);
    expect((await next).success).toBe(true);
    expect(server.port).toBeGreaterThan(0);
  });

  it("stays for its calls when the server stops, whatever pings there are", async () => {
    const { opened, open } = latch();
    const { client, server, engine } = await startFakeServer({
      gate: () => opened,
      settings: { keepaliveTime: 0.1, keepaliveTimeout: 0.2, shutdownGrace: 20 },
    });
    const running = client.unary(REQUEST);
    await until(() => engine.running === 1);
    const stopped = server.stop();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    open();
    expect((await running).success).toBe(true);
    await stopped;
  });

  it("keeps an innocent call whose neighbours are cancelled by the thousand", async () => {
    const { opened, open } = latch();
    const { client, engine } = await startFakeServer({ gate: () => opened });
    const running = client.unary(REQUEST);
    await until(() => engine.running === 1);
    for (let i = 0; i < 40; i++) {
      const others = Array.from({ length: 50 }, () => client.openStream());
      await new Promise((resolve) => setTimeout(resolve, 20));
      for (const other of others) other.cancel();
    }
    open();
    expect((await running).success).toBe(true);
  });

  it("of a client that cancels calls without end and does not leave costs no other its service", async () => {
    const fake = await startFakeServer({ settings: HTTP });
    const { socket } = await rawConnection(fake);
    for (let id = 3; id < 20_000; id += 2) {
      socket.write(h2.frame(h2.HEADERS, h2.END_HEADERS, id, h2.callHeaders(UPLOAD)));
      socket.write(h2.frame(h2.RST_STREAM, 0, id, h2.uint32(8)));
    }
    expect((await fake.client.unary(REQUEST)).success).toBe(true);
    const method = `${V1_SERVICE}/TranscribeAudioStream`;
    const name = `agora_requests_total{method="${method}",outcome="CANCELLED"}`;
    const begun = (await readMetrics(fake.server.metricsPort!)).get(name) ?? 0;
    expect(begun).toBeLessThan(4 * HTTP2_LIMITS.resetBurst);
    socket.destroy();
    await until(async () => (await readMetrics(fake.server.metricsPort!)).get("agora_open_calls") === 0);
  });
});

describe("health and reflection", () => {
  it("take so many streams of a connection, and no more", async () => {
    const { client } = await startFakeServer();
    const watches = Array.from({ length: MAX_WATCHES_PER_CONNECTION }, () => watchHealth(client.client));
    await until(() => watches.every(({ seen }) => seen.length === 1));
    const refused = watchHealth(client.client);
    const code = await new Promise((resolve) => refused.stream.on("status", (end) => resolve(end.code)));
    expect(code).toBe(status.RESOURCE_EXHAUSTED);
    expect(await checkHealth(client.client)).toBe("SERVING");
    watches[0]!.stream.cancel();
    await until(async () => {
      const { seen, stream } = watchHealth(client.client);
      await new Promise((resolve) => stream.once("data", resolve).once("error", resolve));
      return seen.length === 1;
    });
  });

  it("do not wait for ever for a request, nor take a large one", async () => {
    const { client } = await startFakeServer({ settings: { idleTimeout: 0.1 } });
    await expect(checkHealth(client.client, "x".repeat(100_000))).rejects.toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
    });
    const bytes = (value: unknown) => value as Buffer;
    const silent = client.client.makeBidiStreamRequest(
      "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
      bytes,
      bytes,
      new Metadata(),
    );
    silent.on("error", () => {});
    const code = await new Promise((resolve) => silent.on("status", (end) => resolve(end.code)));
    expect(code).toBe(status.DEADLINE_EXCEEDED);
  });
});

describe("a time that is longer than any timer", () => {
  it("keeps a connection", async () => {
    const random = vi.spyOn(Math, "random").mockReturnValue(0.999);
    onTestFinished(() => random.mockRestore());
    const { server } = await startFakeServer({ settings: { maxConnectionAge: 24 * 24 * 3600 } });
    const session = connectHttp2(`http://localhost:${server.port}`);
    onTestFinished(() => session.destroy());
    let isAskedToLeave = false;
    session.on("goaway", () => {
      isAskedToLeave = true;
    });
    await new Promise((resolve) => session.once("remoteSettings", resolve));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(isAskedToLeave).toBe(false);
  });

  it("keeps a client that reads a large answer", async () => {
    const once = (_: string, onClose: () => void) => onTestFinished(onClose);
    const stream = { once, writableLength: 100 * 1024 ** 2, destroyed: false, closed: false };
    const next = { sendMessage: () => {} };
    let isGivenUp = false;
    const call = new AnsweringCall(
      next as unknown as ServerInterceptingCallInterface,
      stream as unknown as ServerHttp2Stream,
      24 * 3600,
      () => {
        isGivenUp = true;
      },
    );
    call.sendMessage({}, () => {});
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(isGivenUp).toBe(false);
  });
});

it("a deadline further off than any timer is none", async () => {
  const { client } = await startFakeServer();
  const days = 24 * 60 * 60 * 1000;
  for (const deadline of [60 * days, 4000 * days])
    expect((await client.unary(REQUEST, { deadline: Date.now() + deadline })).success).toBe(true);
});

describe("what a client chooses comes back cut", () => {
  const long = "я".repeat(3000);
  const LONGEST = 1000;

  it("in v1's messages and in the log", async () => {
    const { client, lines } = await startFakeServer();
    const { error_message } = await client.unary({
      audio_data: RECORDING,
      filename: `a.${"x".repeat(100_000)}`,
    });
    expect(error_message).toMatch(/^Неподдерживаемый формат файла: \.xx/);
    expect(error_message.length).toBeLessThan(LONGEST);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(LONGEST);
  });

  it("in v2's statuses and details", async () => {
    const { server, lines } = await startFakeServer();
    const v2 = new V2Client(server.port);
    const failed = await failureOf(
      v2.transcribe({ audio: RECORDING, config: { options: { language: long } } }),
    );
    expect(failed.message.length).toBeLessThan(LONGEST);
    expect(failed.trailers.toHttp2Headers()["grpc-status-details-bin"]!.toString().length).toBeLessThan(8000);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(LONGEST);
  });

  it("in statuses about a service or method that there is not", async () => {
    const { client } = await startFakeServer();
    const error = await checkHealth(client.client, long).then(
      () => undefined,
      (error) => error,
    );
    expect(error).toMatchObject({ code: status.NOT_FOUND });
    expect(error.details.length).toBeLessThan(LONGEST);
    const bytes = (value: unknown) => value as Buffer;
    const call = new Promise((_, reject) => {
      client.client.makeUnaryRequest(`/a.b/${"c".repeat(5000)}`, bytes, bytes, Buffer.alloc(0), reject);
    });
    expect(await statusOf(call)).toBe(status.UNIMPLEMENTED);
    await expect(call).rejects.toMatchObject({ details: expect.stringMatching(/^.{1,400}$/) });
  });
});

it("contract v2's info takes no recording", async () => {
  const { client } = await startFakeServer();
  const bytes = (value: unknown) => value as Buffer;
  const call = new Promise((resolve, reject) => {
    const path = `/${V2_SERVICE}/GetServerInfo`;
    client.client.makeUnaryRequest(path, bytes, bytes, Buffer.alloc(200_000), (error, value) =>
      error ? reject(error) : resolve(value),
    );
  });
  expect(await statusOf(call)).toBe(status.RESOURCE_EXHAUSTED);
});
