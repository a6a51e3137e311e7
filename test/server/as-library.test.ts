import { expect, it, onTestFinished, vi } from "vitest";
import { createTranscriber, registerImplementation, type TranscriptionError } from "../../src/index.js";
import { type ServerSettings, type StartServerOptions, startServer } from "../../src/server/index.js";
import { FakeEngine } from "../support/fake-engine.js";
import { RECORDING, SOME_FILE } from "../support/server.js";
import { failureOf, V2Client } from "../support/v2-client.js";

const HERE = { host: "localhost", port: 0, http: false };

async function start(settings: Partial<ServerSettings>, options: StartServerOptions) {
  const server = await startServer({ ...HERE, ...settings }, { log: () => {}, ...options });
  onTestFinished(() => server.stop());
  await server.ready;
  return { server, client: new V2Client(server.port) };
}

let implementations = 0;

async function fakeTranscriber() {
  const engine = new FakeEngine();
  const implementation = `library-fake-${++implementations}`;
  registerImplementation(implementation, async () => engine);
  const transcriber = await createTranscriber({ implementation, model: SOME_FILE, vadModel: null });
  onTestFinished(() => transcriber.close());
  return { engine, transcriber };
}

const refusal = (settings: object, options: StartServerOptions = {}): Promise<TranscriptionError> =>
  startServer(settings as Partial<ServerSettings>, options).then(
    (server) => server.stop().then(() => Promise.reject(new Error("Expected a refusal"))),
    (error) => error,
  );

it("serves with the transcriber that it is given, and leaves it open", async () => {
  const { engine, transcriber } = await fakeTranscriber();
  const { server, client } = await start({ maxWorkers: 3 }, { transcriber });
  expect(await client.transcribe({ audio: RECORDING })).toMatchObject({ text: "1", implementation: "fake" });
  const info = await client.serverInfo();
  expect(info.settings).toMatchObject({ SERVER_MAX_WORKERS: "3", SERVER_MAX_QUEUE: "1000" });
  await server.stop();
  expect(engine.closed).toBe(0);
  expect((await transcriber.transcribe(RECORDING)).text).toBe("1");
});

it("closes what it has loaded itself", async () => {
  const engine = new FakeEngine();
  registerImplementation("library-fake-own", async () => engine);
  const settings = { implementation: "library-fake-own", model: SOME_FILE, vadModel: null };
  const { server } = await start(settings, {});
  await server.stop();
  expect(engine.closed).toBe(1);
});

it("closes all of its ports although what it has loaded cannot be closed", async () => {
  const engine = new FakeEngine();
  vi.spyOn(engine, "close").mockRejectedValue(new Error("stuck"));
  registerImplementation("library-fake-stuck", async () => engine);
  const settings = { implementation: "library-fake-stuck", model: SOME_FILE, vadModel: null };
  const server = await startServer(
    { ...HERE, metricsHost: "localhost", metricsPort: 0, ...settings },
    { log: () => {} },
  );
  await server.ready;
  const page = `http://localhost:${server.metricsPort}/healthz`;
  expect((await fetch(page)).status).toBe(200);
  await expect(server.stop()).rejects.toThrow("stuck");
  await expect(fetch(page)).rejects.toThrow();
});

it("keeps recordings to the limits of its settings with any transcriber", async () => {
  const { transcriber } = await fakeTranscriber();
  const { client } = await start({ maxDuration: 0.5 }, { transcriber });
  expect(await failureOf(client.transcribe({ audio: RECORDING }))).toMatchObject({
    reason: "AUDIO_TOO_LONG",
  });
});

it("logs to the program's own logger", async () => {
  const { transcriber } = await fakeTranscriber();
  const entries: unknown[][] = [];
  const at =
    (level: string) =>
    (...args: unknown[]) =>
      void entries.push([level, ...args]);
  const log = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  const { client } = await start({ loggingLevel: "DEBUG" }, { transcriber, log });
  await client.transcribe({ audio: RECORDING });
  expect(entries).toContainEqual(["info", expect.stringMatching(/^Serving with fake/), { name: "Server" }]);
  expect(entries).toContainEqual([
    "info",
    expect.stringMatching(/^Request: file/),
    expect.objectContaining({ name: "TranscriptionService", requestId: expect.any(String) }),
  ]);
  expect(new Set(entries.map(([level]) => level))).toContain("debug");
});

it.each([
  [{ port: 70_000 }, "port"],
  [{ port: "50051" }, "port"],
  [{ port: null }, "port"],
  [{ maxWorkers: Number.NaN }, "maxWorkers"],
  [{ keepaliveTimeout: Number.POSITIVE_INFINITY }, "keepaliveTimeout"],
  [{ requireToken: "yes" }, "requireToken"],
  [{ language: "klingon" }, "language"],
  [{ max_workers: 4 }, "max_workers"],
  [{ tlsCertificate: "cert.pem" }, "tlsKey"],
  [{ tlsKey: "key.pem" }, "tlsCertificate"],
  [{ twilioAuthToken: "" }, "twilioAuthToken"],
  [{ tlsClientAuthority: "ca.pem" }, "tlsClientAuthority"],
  [{ requireToken: true }, "apiToken"],
  [{ nextApiToken: "correct-horse-battery" }, "nextApiToken"],
  [{ apiToken: "correct-horse-battery", apiTokenFile: "token" }, "apiTokenFile"],
])("refuses %j by its name", async (settings, option) => {
  expect(await refusal({ ...HERE, ...settings })).toMatchObject({ code: "INVALID_ARGUMENT", option });
});

it("says what a setting was probably meant to be, and keeps secrets to itself", async () => {
  expect((await refusal({ maxWorker: 4 })).message).toContain("did you mean maxWorkers?");
  expect((await refusal({ apiToken: "short secret" })).message).not.toContain("short secret");
});

it("refuses settings of a model beside a transcriber", async () => {
  const { transcriber } = await fakeTranscriber();
  expect(await refusal({ ...HERE, device: "cpu" }, { transcriber })).toMatchObject({ option: "device" });
});

it("tells of no change when the same settings are read again beside a transcriber", async () => {
  const { transcriber } = await fakeTranscriber();
  const lines: string[] = [];
  const log = (line: string) => void lines.push(line);
  const { server } = await start({ maxWorkers: 3 }, { transcriber, log });
  await server.reload({ ...HERE, maxWorkers: 3 });
  await server.reload();
  expect(lines.join("")).not.toContain("needs another start");
  await expect(server.reload({ ...HERE, batchSize: 8 })).rejects.toMatchObject({ option: "batchSize" });
});

it("hands texts of clients to the program's own logger at a bounded length", async () => {
  const { transcriber } = await fakeTranscriber();
  const seen: object[] = [];
  const at = (_: string, fields: object) => void seen.push(fields);
  const { client } = await start({}, { transcriber, log: { debug: at, info: at, warn: at, error: at } });
  await client.transcribe({ audio: RECORDING, config: { filename: "x".repeat(100_000) } });
  expect(JSON.stringify(seen).length).toBeLessThan(5000);
});

it("takes names of languages, and limits of none", async () => {
  const { transcriber } = await fakeTranscriber();
  const { client } = await start(
    { language: "Russian" as "ru", idleTimeout: Number.POSITIVE_INFINITY },
    { transcriber },
  );
  expect((await client.serverInfo()).settings).toMatchObject({
    MODEL_LANGUAGE: "ru",
    SERVER_IDLE_TIMEOUT: "0",
  });
});
