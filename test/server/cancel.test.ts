import { status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { startProxy } from "../support/cut-off.js";
import { uploadsOnDisk } from "../support/http-server.js";
import { type FakeServer, RECORDING, startFakeServer, until } from "../support/server.js";
import { latch } from "../support/transcribe-fake.js";
import { chunked, type Running, statusOf, TranscriptionClient } from "../support/transcription-client.js";

const REQUEST = { audio_data: RECORDING, filename: "a.wav" };
const never = () => new Promise<void>(() => {});

/** Waits until nothing of any request is left, then transcribes one. */
async function expectRecovery({ client, engine }: FakeServer): Promise<void> {
  await until(() => engine.running === 0 && uploadsOnDisk() === 0);
  engine.options.gate = async () => {};
  expect((await client.unary(REQUEST)).transcript).toBe("1");
}

/** The ways in which a client stops waiting. */
const ENDINGS = {
  "is cancelled": { code: status.CANCELLED, options: () => ({}), end: (call: Running) => call.cancel() },
  "passes its deadline": {
    code: status.DEADLINE_EXCEEDED,
    options: () => ({ deadline: Date.now() + 2000 }),
    end: () => {},
  },
};

describe.each(Object.entries(ENDINGS))("a call that %s", (_, { code, options, end }) => {
  it("during its upload leaves nothing behind", async () => {
    const fake = await startFakeServer();
    const stream = fake.client.openStream(options());
    await stream.write({ filename: "a.wav", chunk_data: RECORDING.subarray(0, 100_000) });
    await until(() => uploadsOnDisk() === 1);
    end(stream);
    expect(await statusOf(stream.response)).toBe(code);
    await expectRecovery(fake);
  });

  it.each(["unary", "stream"])("while it is transcribed stops the engine (%s)", async (mode) => {
    const fake = await startFakeServer({ gate: never });
    const call = start(fake, mode, options());
    await until(() => fake.engine.running === 1);
    end(call);
    expect(await statusOf(call.response)).toBe(code);
    await until(() => fake.engine.cancellations === 1);
    await until(() =>
      fake.lines.some((line) => /INFO - \[\w+\] Cancelled by the client or its deadline/.test(line)),
    );
    await expectRecovery(fake);
  });
});

it.each(["unary", "stream"])(
  "a call that is cancelled while it waits gives up its place (%s)",
  async (mode) => {
    const { opened, open } = latch();
    const fake = await startFakeServer({ gate: () => opened, settings: { maxWorkers: 1 } });
    const running = fake.client.unary(REQUEST);
    await until(() => fake.engine.running === 1);
    const waiting = start(fake, mode);
    await until(() => requests(fake) === 2);
    waiting.cancel();
    await until(() => fake.lines.some((line) => line.includes("Cancelled")));
    open();
    expect((await running).success).toBe(true);
    expect(fake.engine.windows).toHaveLength(1);
    await expectRecovery(fake);
  },
);

it("a call that is cancelled before it was read is never transcribed", async () => {
  const { opened, open } = latch();
  const fake = await startFakeServer({ gate: () => opened, settings: { maxWorkers: 1 } });
  const others = [fake.client.unary(REQUEST), fake.client.unary(REQUEST)];
  await until(() => requests(fake) === 2);
  const unread = fake.client.startUnary(REQUEST);
  await new Promise((resolve) => setTimeout(resolve, 50));
  unread.cancel();
  expect(await statusOf(unread.response)).toBe(status.CANCELLED);
  open();
  for (const other of others) expect((await other).success).toBe(true);
  expect(fake.engine.windows).toHaveLength(2);
  await expectRecovery(fake);
});

it("does not take an upload whose connection breaks for a complete one", async () => {
  const fake = await startFakeServer();
  const { port, cut } = await startProxy(fake.server.port);
  const upload = new TranscriptionClient(port).openStream();
  await upload.write({ filename: "a.wav", chunk_data: RECORDING });
  await until(() => uploadsOnDisk() === 1);
  await new Promise((resolve) => setTimeout(resolve, 200));
  cut();
  await until(() => fake.lines.some((line) => line.includes("Cancelled")));
  // Since the call began, not since the request was complete.
  const [, seconds] = /Cancelled .* after (\S+) s/.exec(fake.lines.join(""))!;
  expect(Number(seconds)).toBeGreaterThan(0.1);
  expect(fake.engine.detections).toBe(0);
});

it("stops the work of a client whose connection breaks", async () => {
  const fake = await startFakeServer({ gate: never });
  const { port, cut } = await startProxy(fake.server.port);
  const gone = new TranscriptionClient(port);
  const calls = [gone.startUnary(REQUEST), startStream(gone), gone.openStream()];
  await until(() => fake.engine.running === 2);
  cut();
  await until(() => fake.engine.cancellations === 2);
  for (const { response } of calls) expect(await statusOf(response)).toBe(status.UNAVAILABLE);
  await expectRecovery(fake);
});

it("answers a call whose deadline has passed before it came", async () => {
  const fake = await startFakeServer();
  expect(await statusOf(fake.client.unary(REQUEST, { deadline: Date.now() + 1 }))).toBe(
    status.DEADLINE_EXCEEDED,
  );
  await expectRecovery(fake);
});

function requests({ lines }: FakeServer): number {
  return lines.filter((line) => line.includes("Request:")).length;
}

function start(fake: FakeServer, mode: string, options: { deadline?: number } = {}): Running {
  return mode === "unary" ? fake.client.startUnary(REQUEST, options) : startStream(fake.client, options);
}

function startStream(client: FakeServer["client"], options: { deadline?: number } = {}): Running {
  const stream = client.openStream(options);
  for (const chunk of chunked(RECORDING, "a.wav")) void stream.write(chunk);
  stream.end();
  return stream;
}
