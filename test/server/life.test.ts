import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { status } from "@grpc/grpc-js";
import { expect, it, onTestFinished, vi } from "vitest";
import { registerImplementation, TranscriptionError } from "../../src/index.js";
import { startServer } from "../../src/server/index.js";
import { checkHealth, listServices, watchHealth } from "../support/grpc-services.js";
import { RECORDING, SOME_FILE, startFakeServer, startUnready, until } from "../support/server.js";
import { temporaryFolder } from "../support/temporary-folder.js";
import { latch } from "../support/transcribe-fake.js";
import { chunked, statusOf, TranscriptionClient } from "../support/transcription-client.js";

const SERVICE = "transcription.v1.TranscriptionService";
const V2_SERVICE = "transcription.v2.TranscriptionService";
const REQUEST = { audio_data: RECORDING, filename: "a.wav" };

it("is not serving until the model is loaded", async () => {
  const { opened, open } = latch();
  const { client, server } = await startUnready({ loading: opened });
  expect(await checkHealth(client.client)).toBe("NOT_SERVING");
  expect(await checkHealth(client.client, SERVICE)).toBe("NOT_SERVING");
  expect(await statusOf(client.unary(REQUEST))).toBe(status.UNAVAILABLE);
  expect(await statusOf(client.stream(chunked(RECORDING, "a.wav")))).toBe(status.UNAVAILABLE);
  open();
  await server.ready;
  expect(await checkHealth(client.client)).toBe("SERVING");
  expect(await checkHealth(client.client, SERVICE)).toBe("SERVING");
  expect(await checkHealth(client.client, V2_SERVICE)).toBe("SERVING");
  expect((await client.unary(REQUEST)).success).toBe(true);
});

it("knows the health of its services only", async () => {
  const { client } = await startFakeServer();
  expect(await statusOf(checkHealth(client.client, "other.Service"))).toBe(status.NOT_FOUND);
  const { seen } = watchHealth(client.client, "other.Service");
  await until(() => seen.length === 1);
  expect(seen).toEqual(["SERVICE_UNKNOWN"]);
});

it("tells what it serves", async () => {
  const { server, lines } = await startFakeServer({ settings: { maxWorkers: 7 } });
  const served = await server.ready;
  expect(served).toEqual({
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    implementation: "fake",
    model: "fake",
    device: "fake",
  });
  expect(lines.at(-1)).toMatch(
    /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d - Server - INFO - Serving with fake: model fake \(custom, f32, computed in float32\), device cpu \(fake, 1 threads\), batch size 32, chunk length 30 s, 7 workers\n$/,
  );
});

it("lists its services by reflection", async () => {
  const { client } = await startFakeServer();
  expect(await listServices(client.client)).toEqual(
    expect.arrayContaining([SERVICE, V2_SERVICE, "grpc.health.v1.Health"]),
  );
});

it("answers a method that it does not have with UNIMPLEMENTED", async () => {
  const { client } = await startFakeServer();
  const call = new Promise((resolve, reject) => {
    const bytes = (value: unknown) => value as Buffer;
    client.client.makeUnaryRequest(`/${SERVICE}/Nothing`, bytes, bytes, Buffer.alloc(0), (error, value) =>
      error ? reject(error) : resolve(value),
    );
  });
  expect(await statusOf(call)).toBe(status.UNIMPLEMENTED);
});

it("survives bytes that are no message", async () => {
  const { client } = await startFakeServer();
  const call = new Promise((resolve, reject) => {
    const bytes = (value: unknown) => value as Buffer;
    const garbage = Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]);
    client.client.makeUnaryRequest(`/${SERVICE}/TranscribeAudio`, bytes, bytes, garbage, (error, value) =>
      error ? reject(error) : resolve(value),
    );
  });
  expect(await statusOf(call)).toBe(status.INTERNAL);
  expect((await client.unary(REQUEST)).success).toBe(true);
});

it("survives what is not gRPC", async () => {
  const { client, server } = await startFakeServer();
  for (const garbage of [
    "GET / HTTP/1.1\r\n\r\n",
    "\0".repeat(1000),
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff",
  ]) {
    const socket = connect(server.port, "localhost");
    socket.on("error", () => {});
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.resume().end(Buffer.from(garbage, "latin1"));
    await closed;
  }
  expect((await client.unary(REQUEST)).success).toBe(true);
});

it("finishes what runs before it stops, and lets no one in meanwhile", async () => {
  const { opened, open } = latch();
  const { client, engine, server } = await startFakeServer({
    gate: () => opened,
    settings: { maxWorkers: 1 },
  });
  const { seen } = watchHealth(client.client, SERVICE);
  await until(() => seen.length === 1);
  const calls = [client.unary(REQUEST), client.stream(chunked(RECORDING, "a.wav")), client.unary(REQUEST)];
  const upload = client.openStream();
  await upload.write({ filename: "a.wav", chunk_data: RECORDING.subarray(0, 500) });
  await until(() => engine.running === 1);

  const stopped = server.stop();
  await until(() => seen.length === 2);
  expect(seen).toEqual(["SERVING", "NOT_SERVING"]);
  expect(await statusOf(new TranscriptionClient(server.port).unary(REQUEST))).toBe(status.UNAVAILABLE);
  await upload.write({ chunk_data: RECORDING.subarray(500) });
  upload.end();
  open();
  for (const call of [...calls, upload.response]) expect((await call).transcript).toBe("1");
  await stopped;
  expect(engine.closed).toBe(1);
});

it("ends with UNAVAILABLE what outlasts the grace period", async () => {
  const { client, engine, server } = await startFakeServer({
    gate: () => new Promise(() => {}),
    settings: { maxWorkers: 1, shutdownGrace: 0.05 },
  });
  const upload = client.openStream();
  const running = client.unary(REQUEST);
  await until(() => engine.running === 1);
  const waiting = [client.unary(REQUEST), client.stream(chunked(RECORDING, "a.wav"))];
  const statuses = [running, ...waiting, upload.response].map(statusOf);
  await upload.write({ filename: "a.wav" });
  await server.stop();
  expect(await Promise.all(statuses)).toEqual(Array(4).fill(status.UNAVAILABLE));
  expect(engine.running).toBe(0);
  expect(engine.closed).toBe(1);
});

it("stops while the model is being loaded, and closes it then", async () => {
  const { opened, open } = latch();
  const { server, engine, lines } = await startUnready({ loading: opened });
  await server.stop();
  open();
  await server.ready.catch(() => {});
  await until(() => engine.closed === 1);
  expect(lines.at(-1)).toContain("Stopped");
});

it("gives up loading when it is stopped, and tells who waits for it", async () => {
  const { server } = await startUnready({ loading: new Promise(() => {}) });
  await server.stop();
  await expect(server.ready).rejects.toMatchObject({
    code: "CANCELLED",
    message: "The server was stopped before the model was loaded",
  });
});

it("ends the download of its model when it is stopped", async () => {
  const hub = createServer().listen(0, "localhost");
  onTestFinished(() => void hub.closeAllConnections());
  onTestFinished(() => void vi.unstubAllEnvs());
  await once(hub, "listening");
  vi.stubEnv("AGORA_MODEL_MIRROR", `http://localhost:${(hub.address() as AddressInfo).port}`);
  vi.stubEnv("AGORA_OFFLINE", "");
  const cacheDir = await temporaryFolder();
  const server = await startServer(
    { host: "localhost", port: 0, http: false, model: "tiny", cacheDir },
    { log: () => {} },
  );
  const [request] = (await once(hub, "request")) as [IncomingMessage];
  const closed = once(request.socket, "close");
  await server.stop();
  await expect(server.ready).rejects.toMatchObject({ code: "CANCELLED" });
  await closed;
});

it("says in the log why it cannot serve, whether or not anybody waits for it", async () => {
  registerImplementation("life-broken", async () => {
    throw new TranscriptionError("MODEL_INVALID", "The model is broken");
  });
  const lines: string[] = [];
  const settings = {
    host: "localhost",
    port: 0,
    http: false,
    metricsHost: "localhost",
    metricsPort: 0,
    model: SOME_FILE,
  };
  const server = await startServer(
    { ...settings, implementation: "life-broken" },
    { log: (line) => lines.push(line) },
  );
  onTestFinished(() => server.stop());
  await until(() => lines.some((line) => line.includes("ERROR - Cannot serve: The model is broken")));
  const response = await fetch(`http://localhost:${server.metricsPort}/readyz`);
  expect(`${response.status} ${await response.text()}`).toBe("503 failed\n");
});

it("stops more than once", async () => {
  const { server, engine } = await startFakeServer();
  await Promise.all([server.stop(), server.stop()]);
  await server.stop();
  expect(engine.closed).toBe(1);
});

it("does not take a language that the model does not have", async () => {
  const { server, client } = await startUnready({ settings: { language: "fr" } });
  await expect(server.ready).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    message: 'MODEL_LANGUAGE: expected auto or en, ru, de for model fake but received "fr"',
  });
  expect(await checkHealth(client.client)).toBe("NOT_SERVING");
});

it("says which address it cannot have", async () => {
  const { server } = await startFakeServer();
  await expect(startFakeServer({ settings: { port: server.port } })).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    message: expect.stringMatching(
      /^Cannot listen on localhost:\d+ \(SERVER_HOST, SERVER_PORT\): .*EADDRINUSE/,
    ),
  });
});
