import { describe, expect, it, onTestFinished, vi } from "vitest";
import { createLog } from "../../src/service/log.js";
import { Upload } from "../../src/service/upload.js";
import { readMetrics } from "../support/metrics.js";
import { RECORDING, startFakeServer, until } from "../support/server.js";
import { latch } from "../support/transcribe-fake.js";
import { chunked, statusOf } from "../support/transcription-client.js";
import { failureOf, uploadOf, V2Client } from "../support/v2-client.js";
import { startV2 } from "../support/v2-server.js";

const REQUEST = { audio_data: RECORDING, filename: "a.wav" };
const SERVICE = "transcription.v1.TranscriptionService";

type Line = Record<string, unknown>;
const parsed = (lines: string[]): Line[] => lines.map((line) => JSON.parse(line));

it("has what an answered call was and took in fields, of streams too", async () => {
  const { client, lines } = await startFakeServer({ settings: { logFormat: "json", language: "ru" } });
  await client.unary(REQUEST);
  await client.stream(chunked(RECORDING, "a.wav"));
  const done = parsed(lines).filter(({ message }) => String(message).startsWith("Done"));
  expect(done.map(({ method }) => method)).toEqual([
    `${SERVICE}/TranscribeAudio`,
    `${SERVICE}/TranscribeAudioStream`,
  ]);
  for (const line of done) {
    expect(line).toMatchObject({
      level: "INFO",
      request_id: expect.stringMatching(/^[0-9a-f]{16}$/),
      peer: expect.stringMatching(/^(\[::1\]|127\.0\.0\.1):\d+$/),
      code: "OK",
      audio_seconds: 13,
      language: "ru",
      model: "fake",
      megabytes: Math.round((1000 * RECORDING.length) / 1024 ** 2) / 1000,
      words: 1,
    });
    for (const stage of ["unread", "uploading", "waiting", "working"])
      expect(line[`seconds_${stage}`]).toBeGreaterThanOrEqual(0);
  }
});

it("tells apart what a call waited unread, uploaded, waited for its turn, and was worked on", async () => {
  const gates = [latch(), latch()];
  const { server, engine, lines } = await startFakeServer({
    gate: (index) => gates[index]?.opened ?? Promise.resolve(),
    settings: { logFormat: "json", maxWorkers: 1 },
  });
  const v2 = new V2Client(server.port);
  // One is worked on, one is read and waits for its turn, one waits unread.
  const calls = Array.from({ length: 3 }, () => v2.transcribe({ audio: RECORDING }));
  await until(() => engine.running === 1);
  await until(() => lines.filter((line) => line.includes('"message":"Request:')).length === 2);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  for (const gate of gates) gate.open();
  const results = await Promise.all(calls);
  const done = parsed(lines).filter(({ message }) => String(message).startsWith("Done"));
  const [first, second, third] = done as Record<string, number>[];
  expect(first!.seconds_working).toBeGreaterThan(0.9);
  expect(second!.seconds_waiting).toBeGreaterThan(0.9);
  expect(third!.seconds_unread).toBeGreaterThan(0.9);
  expect(third!.seconds_uploading).toBeLessThan(third!.seconds_unread!);
  const late = results.find(({ request_id }) => request_id === (third as Line | undefined)?.request_id)!;
  expect(late.timings.queue).toBeGreaterThan(0.9);
  expect(late.timings.upload).toBeLessThan(late.timings.queue);
});

it("has why a call failed in a field", async () => {
  const { client, lines } = await startFakeServer({
    settings: { logFormat: "json", apiToken: "correct-horse-battery" },
  });
  await statusOf(client.unary(REQUEST));
  client.metadata.set("authorization", "Bearer correct-horse-battery");
  await client.unary({ filename: "a.wav", audio_data: Buffer.from("PK\x03\x04") });
  const warnings = parsed(lines).filter(({ level }) => level === "WARNING");
  expect(warnings).toEqual([
    expect.objectContaining({ code: "UNAUTHENTICATED", method: `${SERVICE}/TranscribeAudio` }),
    expect.objectContaining({ code: "UNSUPPORTED_FORMAT", method: `${SERVICE}/TranscribeAudio` }),
  ]);
});

describe("a call that fails after its work was done", () => {
  const codes = (lines: string[]) => parsed(lines).flatMap(({ code }) => (code === undefined ? [] : [code]));

  it("for its result's size has no line that it was done", async () => {
    const { v2, lines } = await startV2({ settings: { logFormat: "json" } });
    const refused = v2.transcribe({ audio: RECORDING, config: { max_result_bytes: 20 } });
    expect(await failureOf(refused)).toMatchObject({ reason: "RESULT_TOO_LARGE" });
    expect(codes(lines)).toEqual(["RESULT_TOO_LARGE"]);
  });

  it.each(["v1", "v2"])("for its client is gone has none either, in %s", async (contract) => {
    const { opened: closing, open: reached } = latch();
    const { opened, open } = latch();
    const { close } = Upload.prototype;
    const spy = vi.spyOn(Upload.prototype, "close").mockImplementation(async function (this: Upload) {
      reached();
      await opened;
      await close.call(this);
    });
    onTestFinished(() => spy.mockRestore());
    const http = { metricsHost: "localhost", metricsPort: 0 };
    const { v2, client, lines, server } = await startV2({ settings: { logFormat: "json", ...http } });
    const [call, messages] =
      contract === "v1"
        ? [client.openStream(), chunked(RECORDING, "a.wav")]
        : [v2.events(), uploadOf(RECORDING)];
    for (const message of messages) await call.write(message as object);
    call.end();
    await closing;
    call.cancel();
    await until(async () => (await readMetrics(server.metricsPort!)).get("agora_open_calls") === 0);
    open();
    await until(() => codes(lines).includes("CANCELLED"));
    expect(codes(lines)).toEqual(["CANCELLED"]);
  });
});

it("counts the bytes of an upload that failed", async () => {
  const { server, lines } = await startFakeServer({
    settings: { logFormat: "json", maxUploadBytes: 2 * 1024 ** 2 },
  });
  const v2 = new V2Client(server.port);
  await v2.upload(uploadOf(Buffer.alloc(1024 ** 2))).catch(() => {});
  const [failed] = parsed(lines).filter(({ level }) => level === "WARNING");
  expect(failed).toMatchObject({ megabytes: 1, code: "UNSUPPORTED_FORMAT" });
});

it("escapes in JSON, too, what could drive a terminal or turn the direction of writing", () => {
  const lines: string[] = [];
  const text = "a\x1b[2J\x9b31m\u202eb\u2028c\x7f😀";
  createLog("INFO", (line) => lines.push(line), "json")("Part").info(text, { file: text });
  expect(lines[0]).toMatch(/^[ -~😀]+\n$/u);
  expect(JSON.parse(lines[0]!)).toMatchObject({ message: text, file: text });
});
