import { status } from "@grpc/grpc-js";
import { expect, it, onTestFinished, vi } from "vitest";
import { EncodedResult } from "../../src/doors/grpc/v2/encoded-result.js";
import { wav } from "../support/audio.js";
import { bursts, fakeSegment } from "../support/fake-engine.js";
import { RECORDING } from "../support/server.js";
import { failureOf, uploadOf, V2Client } from "../support/v2-client.js";
import { startV2 } from "../support/v2-server.js";

const MIB = 1024 ** 2;

/** Segments of so many words, all timed. */
function wordy(count: number) {
  const words = Array.from({ length: count }, (_, i) => ({
    start: i / count,
    end: (i + 1) / count,
    text: `слово${i % 1000}`,
    confidence: 0.9,
  }));
  return () => ({ segments: [{ ...fakeSegment(words.map(({ text }) => text).join(" "), 0, 1), words }] });
}

/** What the fake engine hears is no speech. */
const CONFIG = { options: { word_timestamps: true, vad_filter: "VAD_FILTER_OFF" } };

it("a result above the usual limit of clients reaches them without what stands in it twice", async () => {
  const { server } = await startV2({ answer: wordy(70_000) });
  const usual = new V2Client(server.port, { "grpc.max_receive_message_length": 4 * MIB });
  const result = await usual.transcribe({ audio: RECORDING, config: CONFIG });
  expect(result.text).toBe("");
  expect(result.segments.flatMap(({ words }) => words)).toHaveLength(70_000);
  expect(result.warnings.at(-1)).toMatch(/larger than 4194304 bytes.*config\.max_result_bytes/);
});

it("is whole for a client that says that it takes it", async () => {
  const { v2 } = await startV2({ answer: wordy(70_000) });
  const config = { ...CONFIG, max_result_bytes: 50 * MIB };
  const result = await v2.transcribe({ audio: RECORDING, config });
  expect(result.text.split(" ")).toHaveLength(70_000);
  expect(result.segments[0]!.text).toBe(result.text);
});

it("is refused before all work is done when nothing makes it small enough", async () => {
  const { v2, engine } = await startV2({ answer: wordy(10_000), maxWindow: 2, concurrency: 1 });
  const audio = wav([bursts(60, 1, 1)], 16_000);
  const config = { ...CONFIG, max_result_bytes: MIB };
  expect(await failureOf(v2.transcribe({ audio, config }))).toMatchObject({
    code: status.RESOURCE_EXHAUSTED,
    reason: "RESULT_TOO_LARGE",
    message: expect.stringContaining("config.events_only"),
  });
  expect(engine.windows.length).toBeLessThan(30);
});

it("comes in events of which none repeats it, for those who ask", async () => {
  const { server } = await startV2({ answer: wordy(2000), maxWindow: 2 });
  const usual = new V2Client(server.port, { "grpc.max_receive_message_length": 200_000 });
  const call = usual.events();
  const audio = wav([bursts(20, 1, 1)], 16_000);
  for (const message of uploadOf(audio, { ...CONFIG, events_only: true })) call.write(message);
  call.end();
  const events = await call.ended;
  const segments = events.flatMap(({ segment }) => segment ?? []);
  expect(segments.length).toBeGreaterThan(5);
  const { result } = events.at(-1)!;
  expect(result).toMatchObject({ text: "", segments: [], language: "en" });
  expect(result!.statistics.word_count).toBe(2000 * segments.length);
});

it("reaches a client with exactly that limit, in an event too", async () => {
  const text = "word ".repeat(1000);
  const { server, v2 } = await startV2({ answer: () => ({ segments: [fakeSegment(text, 0, 1)] }) });
  const encode = vi.spyOn(EncodedResult, "of");
  onTestFinished(() => encode.mockRestore());
  await v2.transcribe({ audio: RECORDING });
  const { length } = (encode.mock.results[0]!.value as EncodedResult).bytes;
  const ends = new Set<string>();
  for (let most = length - 3; most <= length + 8; most++) {
    const client = new V2Client(server.port, { "grpc.max_receive_message_length": most });
    const call = client.events();
    for (const message of uploadOf(RECORDING, { max_result_bytes: most })) call.write(message);
    call.end();
    const end = await call.ended.then(
      (events) => (events.at(-1)!.result!.text === "" ? "smaller" : "whole"),
      async () => (await failureOf(call.ended)).reason!,
    );
    ends.add(end);
  }
  expect([...ends]).toEqual(["smaller", "whole"]);
});
