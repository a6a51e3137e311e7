import { status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { wav } from "../support/audio.js";
import { bursts } from "../support/fake-engine.js";
import { RECORDING, startFakeServer, until } from "../support/server.js";
import { latch } from "../support/transcribe-fake.js";
import { chunked, statusOf } from "../support/transcription-client.js";

const REQUEST = { audio_data: RECORDING, filename: "a.wav" };

describe("at once", () => {
  it("transcribes as many recordings as there are workers, and the others after them", async () => {
    const { opened, open } = latch();
    const { client, engine } = await startFakeServer({
      concurrency: 8,
      gate: () => opened,
      settings: { maxWorkers: 2 },
    });
    const unary = Array.from({ length: 3 }, () => client.unary(REQUEST));
    const streams = Array.from({ length: 3 }, () => client.stream(chunked(RECORDING, "a.wav")));
    await until(() => engine.running === 2);
    open();
    const responses = await Promise.all([...unary, ...streams]);
    expect(responses.map((response) => response.transcript)).toEqual(Array(6).fill("1"));
    expect(engine.mostRunning).toBe(2);
  });

  it("refuses in band what has no room to wait", async () => {
    const { opened, open } = latch();
    const { client, engine } = await startFakeServer({
      gate: () => opened,
      settings: { maxWorkers: 1, maxQueue: 1 },
    });
    const running = client.unary(REQUEST);
    await until(() => engine.running === 1);
    const streams = [1, 2].map(() => client.stream(chunked(RECORDING, "a.wav")));
    const refused = await Promise.race(streams);
    expect(refused).toMatchObject({ success: false, transcript: "" });
    expect(refused.error_message).toBe(
      "Ошибка при обработке стрима: The server is busy: 1 requests are waiting, " +
        "the most that SERVER_MAX_QUEUE allows; try again later",
    );
    open();
    expect((await running).success).toBe(true);
    expect((await Promise.all(streams)).filter((response) => response.success)).toHaveLength(1);
  });

  it("reads no more recordings of one message than it can soon transcribe", async () => {
    const { opened, open } = latch();
    const { client, engine, lines } = await startFakeServer({
      gate: () => opened,
      settings: { maxWorkers: 1, maxQueue: 3 },
    });
    const calls = Array.from({ length: 6 }, () => client.unary(REQUEST));
    const refused = await Promise.race(calls);
    expect(refused.error_message).toMatch(/^Ошибка при транскрипции: The server is busy: 3 requests/);
    await until(() => engine.running === 1);
    // One is being transcribed, one is in memory, three wait unread, and the sixth was refused.
    expect(lines.filter((line) => line.includes("Request:"))).toHaveLength(2);
    open();
    expect((await Promise.all(calls)).filter((response) => response.success)).toHaveLength(5);
  });

  it("keeps no more calls open than it is allowed to", async () => {
    const { client } = await startFakeServer({ settings: { maxCalls: 1 } });
    const stream = client.openStream();
    await stream.write({ filename: "a.wav" });
    expect(await statusOf(client.unary(REQUEST))).toBe(status.RESOURCE_EXHAUSTED);
    stream.end();
    await stream.response;
    expect((await client.unary(REQUEST)).success).toBe(true);
  });
});

describe("a recording", () => {
  it("may not come in messages above the limit", async () => {
    const { client } = await startFakeServer({ settings: { maxReceiveMessageLength: 100_000 } });
    expect(await statusOf(client.unary(REQUEST))).toBe(status.RESOURCE_EXHAUSTED);
    expect(await statusOf(client.stream(chunked(RECORDING, "a.wav", 200_000)))).toBe(
      status.RESOURCE_EXHAUSTED,
    );
    expect((await client.stream(chunked(RECORDING, "a.wav", 90_000))).success).toBe(true);
  });

  it("may not be larger than the limit, in whatever messages", async () => {
    const { client } = await startFakeServer({ settings: { maxUploadBytes: 100_000 } });
    const stream = await client.stream(chunked(RECORDING, "a.wav", 10_000));
    expect(stream.error_message).toBe(
      "Ошибка при обработке стрима: The recording is larger than SERVER_MAX_UPLOAD_BYTES (100000 bytes)",
    );
    const unary = await client.unary(REQUEST);
    expect(unary.error_message).toMatch(
      /^Ошибка при транскрипции: .* above SERVER_MAX_UPLOAD_BYTES \(100000\)$/,
    );
  });

  it("may not be longer than the limit", async () => {
    const { client } = await startFakeServer({ settings: { maxDuration: 5 } });
    expect((await client.unary(REQUEST)).error_message).toMatch(/above SERVER_MAX_AUDIO_DURATION \(5 s\)$/);
  });

  it("is cut into windows of the set length", async () => {
    const { client, engine } = await startFakeServer({ settings: { chunkDuration: 3 } });
    const response = await client.unary({ filename: "a.wav", audio_data: wav([bursts(1, 5)], 16_000) });
    expect(response.audio_duration).toBe(17);
    expect(engine.windows.length).toBeGreaterThan(1);
  });

  it("is in the set language", async () => {
    const { client, engine } = await startFakeServer({ settings: { language: "ru" } });
    await client.unary(REQUEST);
    expect(engine.windows[0]!.language).toBe("ru");
    expect(engine.detections).toBe(0);
  });
});

describe("time", () => {
  it("runs out for a stream that falls silent", async () => {
    const { client } = await startFakeServer({ settings: { idleTimeout: 0.05 } });
    const { response, write } = client.openStream();
    await write({ filename: "a.wav", chunk_data: RECORDING.subarray(0, 1000) });
    expect((await response).error_message).toBe(
      "Ошибка при обработке стрима: No data arrived for SERVER_IDLE_TIMEOUT (0.05 s)",
    );
  });

  it("runs out for a stream that says nothing", async () => {
    const { client } = await startFakeServer({ settings: { idleTimeout: 0.05 } });
    expect((await client.openStream().response).error_message).toMatch(/SERVER_IDLE_TIMEOUT/);
  });

  it("runs out for a stream that trickles", async () => {
    const { client } = await startFakeServer({ settings: { uploadTimeout: 0.1 } });
    const { response, write } = client.openStream();
    let answered = false;
    response.finally(() => {
      answered = true;
    });
    for (let at = 0; !answered; at++) {
      await Promise.race([
        write({ filename: "a.wav", chunk_data: RECORDING.subarray(at, at + 1) }),
        response,
      ]);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect((await response).error_message).toBe(
      "Ошибка при обработке стрима: The request did not arrive within SERVER_UPLOAD_TIMEOUT (0.1 s)",
    );
  });

  it("runs out for a request that takes too long, and its work stops", async () => {
    const { client, engine } = await startFakeServer({
      gate: () => new Promise(() => {}),
      settings: { requestTimeout: 0.1 },
    });
    expect((await client.unary(REQUEST)).error_message).toBe(
      "Ошибка при транскрипции: The request took longer than SERVER_REQUEST_TIMEOUT (0.1 s)",
    );
    expect(engine.running).toBe(0);
  });

  it("runs out for a request that waits too long for its turn", async () => {
    const { opened, open } = latch();
    const { client, engine } = await startFakeServer({
      gate: () => opened,
      settings: { maxWorkers: 1, requestTimeout: 0.3 },
    });
    const first = client.unary(REQUEST);
    const second = client.stream(chunked(RECORDING, "a.wav"));
    expect((await second).error_message).toMatch(/SERVER_REQUEST_TIMEOUT/);
    open();
    await first;
    expect(engine.running).toBe(0);
  });

  it("does not run out where there is no limit", async () => {
    const none = Number.POSITIVE_INFINITY;
    const { client } = await startFakeServer({
      settings: { idleTimeout: none, uploadTimeout: none, requestTimeout: none },
    });
    expect((await client.stream(chunked(RECORDING, "a.wav"))).success).toBe(true);
  });
});

describe("progress", () => {
  it("is logged per batch of windows", async () => {
    const { client, lines } = await startFakeServer({ maxWindow: 8, settings: { batchSize: 2 } });
    await client.unary({ filename: "a.wav", audio_data: wav([bursts(4)], 16_000) });
    const progress = lines.filter((line) => line.includes("Progress:"));
    expect(progress).toHaveLength(2);
    expect(progress[0]).toMatch(
      / - TranscriptionService - INFO - \[[0-9a-f]{16}\] Progress: \d+\.\d( of \d+\.\d)? s, \d+\.\dx$/m,
    );
  });
});
