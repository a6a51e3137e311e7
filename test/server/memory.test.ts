import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { gzipSync } from "node:zlib";
import { compressionAlgorithms, status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { loadDefinitions, serviceIn, V1_SERVICE, V2_SERVICE } from "../../src/doors/grpc/definitions.js";
import { ByteBudget } from "../../src/service/call/byte-budget.js";
import { Call } from "../../src/service/call/call.js";
import { Storage } from "../../src/service/storage.js";
import { Upload } from "../../src/service/upload.js";
import { wav } from "../support/audio.js";
import { bursts } from "../support/fake-engine.js";
import { checkHealth, listServices } from "../support/grpc-services.js";
import { readMetrics } from "../support/metrics.js";
import { RECORDING, startFakeServer, until } from "../support/server.js";
import { latch } from "../support/transcribe-fake.js";
import { chunked, statusOf } from "../support/transcription-client.js";
import { failureOf, uploadOf } from "../support/v2-client.js";
import { startV2 } from "../support/v2-server.js";
import { framed, send, type Wire } from "../support/wire.js";

const MIB = 1024 ** 2;
const newCall = () => new Call("id", "method");
const HTTP = { metricsHost: "localhost", metricsPort: 0 };

/** Watches what buffers hold beyond what they hold now, until the most is asked for, in bytes. */
function watchBuffers(): () => number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc");
  collect();
  // What the first one found is freed meanwhile, at the latest when another begins.
  collect();
  const held = () => process.memoryUsage().arrayBuffers;
  const before = held();
  let most = before;
  let isOver = false;
  const look = (): void => {
    most = Math.max(most, held());
    if (!isOver) setImmediate(look);
  };
  look();
  return () => {
    isOver = true;
    return most - before;
  };
}

const V1 = serviceIn(loadDefinitions(), V1_SERVICE);
const V2 = serviceIn(loadDefinitions(), V2_SERVICE);
const chunk = (bytes: number): Buffer =>
  V1.TranscribeAudioStream!.requestSerialize({ chunk_data: Buffer.alloc(bytes), filename: "a.wav" });
const STREAM = `${V1_SERVICE}/TranscribeAudioStream`;
const UNARY = `${V2_SERVICE}/Transcribe`;

describe("messages", () => {
  it("that are compressed are read as others are, by gzip and deflate", async () => {
    for (const algorithm of [compressionAlgorithms.gzip, compressionAlgorithms.deflate]) {
      const { client } = await startFakeServer({
        client: { "grpc.default_compression_algorithm": algorithm },
      });
      expect((await client.stream(chunked(RECORDING, "a.wav", 50_000))).transcript).toBe("1");
      expect((await client.unary({ audio_data: RECORDING, filename: "a.wav" })).transcript).toBe("1");
    }
  });

  it("are refused by the length that they announce, before they arrive or are inflated", async () => {
    const { server, lines } = await startFakeServer({ settings: { maxChunkBytes: MIB } });
    const bomb = gzipSync(chunk(40 * MIB));
    const held = watchBuffers();
    const announced = await send(server.port, {
      method: STREAM,
      data: [framed(Buffer.alloc(10), false, 200 * MIB)],
      ends: false,
    });
    expect(announced).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      reason: "AUDIO_TOO_LARGE",
      pushback: "-1",
    });
    expect(announced.message).toMatch(
      /at most 1048576 bytes \(SERVER_MAX_CHUNK_BYTES\) but received one of 209715200/,
    );
    const inflated = await send(server.port, {
      method: STREAM,
      encoding: "gzip",
      data: [framed(bomb, true)],
    });
    expect(inflated).toMatchObject({ code: status.RESOURCE_EXHAUSTED, reason: "AUDIO_TOO_LARGE" });
    // What announces less than it becomes is stopped where it is too much.
    const liar = Buffer.from(bomb);
    liar.writeUInt32LE(1000, liar.length - 4);
    const stopped = await send(server.port, { method: STREAM, encoding: "gzip", data: [framed(liar, true)] });
    expect(stopped).toMatchObject({ code: status.RESOURCE_EXHAUSTED, reason: "AUDIO_TOO_LARGE" });
    expect(held()).toBeLessThan(20 * MIB);
    // Where it may be so long, it is seen.
    const generous = await startFakeServer({ settings: { maxChunkBytes: 64 * MIB } });
    const heldThere = watchBuffers();
    await send(generous.server.port, { method: STREAM, encoding: "gzip", data: [framed(bomb, true)] });
    expect(heldThere()).toBeGreaterThan(40 * MIB);
    expect(lines.filter((line) => line.includes("Expected messages of at most"))).toHaveLength(3);
    expect(lines.join("")).not.toContain("Cancelled by the client");
  });

  it.each<[string, Wire, number, string]>([
    [
      "are no gzip",
      { method: UNARY, encoding: "gzip", data: [framed(Buffer.from("no gzip at all, certainly"), true)] },
      status.INTERNAL,
      "MALFORMED_MESSAGE",
    ],
    [
      "are cut gzip",
      { method: UNARY, encoding: "gzip", data: [framed(gzipSync(RECORDING).subarray(0, 500), true)] },
      status.INTERNAL,
      "MALFORMED_MESSAGE",
    ],
    [
      "are compressed by what nobody knows",
      { method: UNARY, encoding: "snappy", data: [framed(Buffer.from("xyz"), true)] },
      status.UNIMPLEMENTED,
      "UNSUPPORTED_ENCODING",
    ],
    [
      "are no protobuf",
      { method: UNARY, data: [framed(Buffer.from([0x0a, 0xff, 0xff]))] },
      status.INTERNAL,
      "MALFORMED_MESSAGE",
    ],
    [
      "end in the middle",
      { method: UNARY, data: [framed(Buffer.alloc(10), false, 1000)] },
      status.INTERNAL,
      "MALFORMED_MESSAGE",
    ],
    [
      "end in the middle of a stream",
      { method: STREAM, data: [framed(chunk(10)), framed(Buffer.alloc(10), false, 1000)] },
      status.INTERNAL,
      "MALFORMED_MESSAGE",
    ],
  ])("that %s are the client's fault, logged and counted as such", async (_, wire, code, reason) => {
    const { server, lines } = await startFakeServer({ settings: HTTP });
    expect(await send(server.port, wire)).toMatchObject({ code, reason });
    await until(async () => (await readMetrics(server.metricsPort!)).get("agora_open_calls") === 0);
    const outcome = `agora_requests_total{method="${wire.method}",outcome="${reason}"}`;
    expect((await readMetrics(server.metricsPort!)).get(outcome)).toBe(1);
    expect(lines.filter((line) => line.includes("WARNING"))).toHaveLength(1);
  });

  it("may have options and names besides their recording, which a limit of their own holds", async () => {
    const { server } = await startFakeServer();
    const request = { audio: RECORDING, config: { filename: "x".repeat(4 * MIB - 100) } };
    const fits = framed(V2.Transcribe!.requestSerialize(request));
    expect(await send(server.port, { method: UNARY, data: [fits] })).toMatchObject({ code: status.OK });
    // As objects they would take twenty times as much.
    const words = { audio: RECORDING, config: { options: { hotwords: Array(3 * MIB).fill("") } } };
    const upload = [{ config: words.config }, { data: RECORDING }];
    for (const wire of [
      { method: UNARY, data: [framed(V2.Transcribe!.requestSerialize(words))] },
      {
        method: `${V2_SERVICE}/TranscribeUpload`,
        data: upload.map((message) => framed(V2.TranscribeUpload!.requestSerialize(message))),
      },
    ]) {
      const refused = await send(server.port, wire);
      expect(refused).toMatchObject({ code: status.RESOURCE_EXHAUSTED, reason: "AUDIO_TOO_LARGE" });
      expect(refused.message).toContain("besides the recording");
    }
  });

  it("that stop arriving are given up", async () => {
    const { server } = await startFakeServer({ settings: { idleTimeout: 0.1 } });
    const data = [framed(Buffer.alloc(10), false, 1000)];
    expect(await send(server.port, { method: UNARY, data, ends: false })).toMatchObject({
      code: status.DEADLINE_EXCEEDED,
      message: "No data arrived for SERVER_IDLE_TIMEOUT (0.1 s)",
    });
  });
});

describe("memory", () => {
  it("is given to one call after the other, and comes back from all", async () => {
    const { v2, client, server } = await startV2({
      settings: { ...HTTP, maxMemoryBytes: 2 * MIB, maxWorkers: 32 },
    });
    const recording = wav([bursts(4)], 16_000);
    expect(recording.length).toBeGreaterThan(MIB);
    const calls = Array.from({ length: 12 }, (_, i) =>
      i % 2 === 0
        ? client.stream(chunked(RECORDING, "a.wav", 400_000)).then(({ success }) => success)
        : v2.transcribe({ audio: recording }).then(({ text }) => text === "1 2 3 4"),
    );
    expect(await Promise.all(calls)).toEqual(Array(12).fill(true));
    await until(async () => (await readMetrics(server.metricsPort!)).get("agora_open_calls") === 0);
    expect((await readMetrics(server.metricsPort!)).get('agora_budget_used_bytes{of="memory"}')).toBe(0);
  });

  it("that another does not give back is refused after a while, by v1 too, with a hint when to try again", async () => {
    const { server, client } = await startFakeServer({ settings: { ...HTTP, maxMemoryBytes: 2 * MIB } });
    const data = [framed(Buffer.alloc(10), false, 2 * MIB - 1000)];
    void send(server.port, { method: UNARY, data, ends: false });
    const used = 'agora_budget_used_bytes{of="memory"}';
    await until(async () => (await readMetrics(server.metricsPort!)).get(used) === 2 * MIB - 1000);
    const refused = await failureOf(client.unary({ audio_data: RECORDING, filename: "a.wav" }));
    expect(refused).toMatchObject({ code: status.RESOURCE_EXHAUSTED, reason: "QUEUE_FULL" });
    expect(refused.retryAfter).toBeGreaterThan(0);
    expect(refused.message).toContain("SERVER_MAX_MEMORY_BYTES");
  });

  it("that recordings wait for is not what health and facts of the server need", async () => {
    const { v2, server } = await startV2({ settings: { ...HTTP, maxMemoryBytes: 2 * MIB } });
    const data = [framed(Buffer.alloc(10), false, 2 * MIB - 1000)];
    void send(server.port, { method: UNARY, data, ends: false });
    const metric = async (name: string) => (await readMetrics(server.metricsPort!)).get(name);
    const [used, waiting] = ['agora_budget_used_bytes{of="memory"}', 'agora_queue_length{stage="memory"}'];
    await until(async () => (await metric(used)) === 2 * MIB - 1000);
    void send(server.port, { method: STREAM, data: [framed(chunk(MIB))], ends: false });
    await until(async () => (await metric(waiting)) === 1);
    expect(await checkHealth(v2.client)).toBe("SERVING");
    expect(await listServices(v2.client)).toContain(V2_SERVICE);
    expect((await v2.serverInfo()).load).toMatchObject({ memory_bytes: 2 * MIB - 1000 });
    // More than is left to recordings.
    const unknown = framed(Buffer.concat([Buffer.from("0ad00f", "hex"), Buffer.alloc(2000, "x")]));
    const asked = await send(server.port, { method: "grpc.health.v1.Health/Check", data: [unknown] });
    expect(asked.code).toBe(status.NOT_FOUND);
    expect([await metric(used), await metric(waiting)]).toEqual([2 * MIB - 1000, 1]);
  });

  it("is not given to strangers beyond what a question takes", async () => {
    const { server } = await startFakeServer();
    const method = "grpc.health.v1.Health/Check";
    const one = await send(server.port, { method, data: [framed(Buffer.alloc(0), false, 8 * 1024 + 1)] });
    expect(one).toMatchObject({ code: status.RESOURCE_EXHAUSTED, reason: "AUDIO_TOO_LARGE" });
    expect(one.message).toBe(
      "Expected messages of at most 8192 bytes (of requests without a recording) but received one of 8193 bytes",
    );
    const several = await send(server.port, {
      method: "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
      data: Array(100).fill(framed(Buffer.concat([Buffer.from([0x0a, 0xe8, 0x07]), Buffer.alloc(1000)]))),
      ends: false,
    });
    expect(several).toMatchObject({ code: status.RESOURCE_EXHAUSTED, reason: "AUDIO_TOO_LARGE" });
    expect(several.message).toBe(
      "Expected at most 65536 bytes in all (of requests without a recording) but received more",
    );
  });

  it("is announced, and a message may not be larger than all of it", async () => {
    const { v2 } = await startV2({ settings: { maxMemoryBytes: 2 * MIB, maxDiskBytes: 50 * MIB } });
    expect((await v2.serverInfo()).limits).toMatchObject({
      max_message_bytes: 2 * MIB,
      max_chunk_bytes: 2 * MIB,
      max_memory_bytes: 2 * MIB,
      max_disk_bytes: 50 * MIB,
    });
    const failure = await failureOf(v2.transcribe({ audio: Buffer.alloc(3 * MIB) }));
    expect(failure).toMatchObject({ code: status.RESOURCE_EXHAUSTED, reason: "AUDIO_TOO_LARGE" });
    expect(failure.message).toContain("SERVER_MAX_MEMORY_BYTES");
  });

  it("of a large recording in one message is given back when it is on disk", async () => {
    const { opened, open } = latch();
    const { v2, engine, server } = await startV2({
      gate: () => opened,
      settings: { ...HTTP, maxMemoryBytes: 4 * MIB },
    });
    const recording = wav([bursts(10)], 16_000);
    const call = v2.transcribe({ audio: recording });
    await until(() => engine.running > 0);
    const metrics = await readMetrics(server.metricsPort!);
    // But for the rest of its message.
    expect(metrics.get('agora_budget_used_bytes{of="memory"}')).toBeLessThan(100);
    expect(metrics.get('agora_budget_used_bytes{of="disk"}')).toBe(recording.length);
    open();
    expect((await call).text).toBe("1 2 3 4 5 6 7 8 9 10");
    await until(
      async () => (await readMetrics(server.metricsPort!)).get('agora_budget_used_bytes{of="disk"}') === 0,
    );
  });

  it("of what else is in its message stays taken", async () => {
    const { opened, open } = latch();
    const { v2, engine, server } = await startV2({
      gate: () => opened,
      settings: { ...HTTP, maxMemoryBytes: 16 * MIB },
    });
    const audio = wav([bursts(10)], 16_000);
    const call = v2.transcribe({ audio, config: { filename: "x".repeat(3 * MIB) } });
    await until(() => engine.running > 0);
    const used = (await readMetrics(server.metricsPort!)).get('agora_budget_used_bytes{of="memory"}')!;
    expect(used).toBeGreaterThanOrEqual(3 * MIB);
    expect(used).toBeLessThan(3.1 * MIB);
    open();
    await call;
  });

  it("stays within its budget under 64 streams of compressed messages, and calls are answered or told when", async () => {
    const { server, client } = await startFakeServer({ settings: { ...HTTP, maxMemoryBytes: 8 * MIB } });
    const bomb = framed(gzipSync(chunk(2 * MIB)), true);
    let most = 0;
    let isOver = false;
    const watching = (async () => {
      while (!isOver) {
        most = Math.max(
          most,
          (await readMetrics(server.metricsPort!)).get('agora_budget_used_bytes{of="memory"}')!,
        );
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    })();
    const ends = await Promise.all(
      Array.from({ length: 64 }, () => send(server.port, { method: STREAM, encoding: "gzip", data: [bomb] })),
    );
    isOver = true;
    await watching;
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(8 * MIB);
    for (const { code, ...end } of ends) {
      // Zeros are no recording, which v1 says in band.
      if (code !== status.OK)
        expect({ code, ...end }).toMatchObject({
          code: status.RESOURCE_EXHAUSTED,
          reason: "QUEUE_FULL",
          retryAfter: expect.any(Number),
        });
    }
    expect((await client.stream(chunked(RECORDING, "a.wav"))).success).toBe(true);
    await until(
      async () => (await readMetrics(server.metricsPort!)).get('agora_budget_used_bytes{of="memory"}') === 0,
    );
  });
});

it("an upload of small pieces waits for no memory, and leaves half of it to messages", async () => {
  const [memory, disk] = [new ByteBudget(200_000, "full"), new ByteBudget(MIB, "full")];
  const storage = new Storage(() => {});
  const [other, call] = [newCall(), newCall()];
  const taken = memory.open(other);
  taken.grow(60_000);
  const upload = new Upload(call, { budgets: { memory, disk }, storage, maxBytes: MIB });
  await upload.write(Buffer.from("one "));
  expect([memory.used, disk.used]).toEqual([60_000, 4]);
  taken.release();
  await upload.write(Buffer.from("two"));
  expect([memory.used, disk.used]).toEqual([64 * 1024, 4]);
  const file = await upload.file();
  const content = Buffer.alloc(10);
  expect((await file.read(content, 0, 10, 0)).bytesRead).toBe(7);
  expect(content.toString("latin1", 0, 7)).toBe("one two");
  await upload.close();
  expect([memory.used, disk.used]).toEqual([0, 0]);
});

describe("disk space", () => {
  it("is refused with a hint when uploads hold it all, and comes back from them", async () => {
    const { opened, open } = latch();
    const { v2, engine } = await startV2({
      gate: () => opened,
      settings: { maxDiskBytes: 3 * RECORDING.length },
    });
    const calls = Array.from({ length: 3 }, () => v2.upload(uploadOf(RECORDING)));
    await until(() => engine.running > 0);
    await until(async () => (await v2.serverInfo()).load !== undefined);
    await until(
      async () =>
        ((await v2.serverInfo()).load as { disk_bytes: number }).disk_bytes === 3 * RECORDING.length,
    );
    const failure = await failureOf(v2.upload(uploadOf(RECORDING)));
    expect(failure).toMatchObject({ code: status.RESOURCE_EXHAUSTED, reason: "QUEUE_FULL" });
    expect(failure.retryAfter).toBeGreaterThan(0);
    expect(failure.message).toContain("SERVER_MAX_DISK_BYTES");
    open();
    await Promise.all(calls);
    expect((await v2.upload(uploadOf(RECORDING))).text).toBe("1");
    expect(await statusOf(v2.upload(uploadOf(RECORDING)))).toBe(0);
  });
});
