import { status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { wav } from "../support/audio.js";
import { bursts, fakeSegment } from "../support/fake-engine.js";
import { RECORDING, until } from "../support/server.js";
import { latch } from "../support/transcribe-fake.js";
import { failureOf, type Message, uploadOf } from "../support/v2-client.js";
import { startV2 } from "../support/v2-server.js";

describe("an upload", () => {
  it.each<[string, Message[], string]>([
    ["nothing", [], "config"],
    ["data first", [{ data: RECORDING }], "config"],
    ["a second configuration", [{ config: {} }, { data: RECORDING }, { config: {} }], "config"],
    ["an empty message", [{ config: {} }, {}], "payload"],
    ["nothing after its configuration", [{ config: {} }], "data"],
  ])("may not have %s", async (_, messages, field) => {
    const { v2, engine } = await startV2();
    const events = v2.events();
    for (const message of messages) events.write(message);
    events.end();
    for (const call of [v2.upload(messages), events.ended]) {
      expect(await failureOf(call)).toMatchObject({ code: status.INVALID_ARGUMENT, field });
    }
    expect(engine.windows).toHaveLength(0);
  });

  it("is refused for its options before its bytes arrive", async () => {
    const { v2 } = await startV2();
    const call = v2.events();
    call.write({ config: { options: { beam_size: 100 } } });
    expect(await failureOf(call.ended)).toMatchObject({ field: "config.options.beam_size" });
  });

  it("tells of its progress, its segments, and its result, in this order", async () => {
    const gates = [latch(), latch()];
    const { v2 } = await startV2({ maxWindow: 8, concurrency: 1, gate: (index) => gates[index]!.opened });
    const call = v2.events();
    const bytes = wav([bursts(2)], 16_000);
    call.write({ config: {} });
    await until(() => call.seen.length === 1);
    expect(call.seen[0]).toMatchObject({ event: "upload", upload: { bytes_received: 0, complete: false } });
    call.write({ data: bytes });
    call.end();
    await until(() => call.seen.length === 2);
    expect(call.seen[1]).toMatchObject({ upload: { bytes_received: bytes.length, complete: true } });
    gates[0]!.open();
    await until(() => call.seen.some(({ event }) => event === "segment"));
    expect(call.seen.some(({ event }) => event === "result")).toBe(false);
    gates[1]!.open();
    const events = await call.ended;
    const segments = events.flatMap(({ segment }) => segment ?? []);
    const { result } = events.at(-1)!;
    expect(segments.map(({ text }) => text)).toEqual(["1", "2"]);
    expect(segments).toEqual(result!.segments);
    expect(
      events.some(({ progress }) => progress && progress.processed > 0 && progress.total?.value === 20),
    ).toBe(true);
  });

  it("whose client goes away takes its work along", async () => {
    const { v2, engine, lines } = await startV2({ gate: () => new Promise(() => {}) });
    const call = v2.events();
    for (const message of uploadOf(RECORDING)) call.write(message);
    call.end();
    await until(() => engine.running === 1);
    call.cancel();
    await until(() => engine.running === 0);
    expect(engine.cancellations).toBe(1);
    await until(() => lines.some((line) => line.includes("Cancelled by the client")));
  });

  it("falls silent for so long only", async () => {
    const { v2 } = await startV2({ settings: { idleTimeout: 0.05 } });
    const call = v2.events();
    call.write({ config: {} });
    expect(await failureOf(call.ended)).toMatchObject({
      code: status.DEADLINE_EXCEEDED,
      message: "No data arrived for SERVER_IDLE_TIMEOUT (0.05 s)",
    });
  });
});

it("gives up a client that does not read what it is sent", async () => {
  const text = "word ".repeat(20_000);
  const { v2, lines } = await startV2({
    maxWindow: 2,
    concurrency: 1,
    gate: async (index) => {
      if (index > 55) await new Promise(() => {});
    },
    settings: { idleTimeout: 0.3 },
    answer: () => ({ segments: [fakeSegment(text, 0, 1)] }),
  });
  const call = v2.events();
  call.stream.pause();
  for (const message of uploadOf(
    wav([bursts(60, 1, 1)], 16_000),
    { options: { vad_filter: "VAD_FILTER_OFF" }, events_only: true },
    1_000_000,
  ))
    call.write(message);
  call.end();
  await until(() =>
    lines.some((line) => line.includes("has not read its answer for SERVER_IDLE_TIMEOUT (0.3 s)")),
  );
  call.cancel();
});
