import { afterEach, describe, expect, it } from "vitest";
import { TranscriptionError } from "../../../src/errors.js";
import { FakeAudio } from "../../support/fake-audio.js";
import { bursts, FakeEngine, FakeVad } from "../../support/fake-engine.js";
import { latch, pause, transcribeFake } from "../../support/transcribe-fake.js";

const unhandled: unknown[] = [];
process.on("unhandledRejection", (reason) => unhandled.push(reason));

afterEach(async () => {
  await pause();
  expect(unhandled.splice(0)).toEqual([]);
});

describe("a transcription that fails", () => {
  const boom = new Error("boom");

  it("in the engine cancels the other windows", async () => {
    const engine = new FakeEngine({
      concurrency: 3,
      gate: async (index) => {
        if (index !== 2) return latch().opened;
        throw new TranscriptionError("OUT_OF_MEMORY", "too big");
      },
    });
    await expect(transcribeFake(new FakeAudio([bursts(20)]), engine)).rejects.toMatchObject({
      code: "OUT_OF_MEMORY",
    });
    expect(engine.cancellations).toBe(2);
    expect(engine.windows).toHaveLength(3);
  });

  it("in language detection ends at once", async () => {
    const engine = new FakeEngine({
      detect: () => {
        throw boom;
      },
    });
    await expect(transcribeFake(new FakeAudio([bursts(3)]), engine)).rejects.toMatchObject({
      code: "INTERNAL",
      cause: boom,
    });
    expect(engine.windows).toEqual([]);
  });

  it("in decoding cancels what runs", async () => {
    const audio = new FakeAudio([bursts(20)], async (index) => {
      if (index === 15) throw new TranscriptionError("DECODE_FAILED", "cut off");
    });
    const engine = new FakeEngine({ concurrency: 4, gate: () => latch().opened });
    await expect(transcribeFake(audio, engine, { language: "en" })).rejects.toMatchObject({
      code: "DECODE_FAILED",
    });
    expect(engine.cancellations).toBe(1);
  });

  it("in speech detection ends at once", async () => {
    const vad = new FakeVad();
    const session = vad.createSession();
    session.push = async () => {
      throw boom;
    };
    vad.createSession = () => session;
    await expect(transcribeFake(new FakeAudio([bursts(3)]), new FakeEngine(), {}, vad)).rejects.toMatchObject(
      {
        cause: boom,
      },
    );
  });

  it.each(["onSegment", "onProgress"] as const)("in %s rejects with its error as cause", async (name) => {
    for (const callback of [
      () => {
        throw boom;
      },
      async () => {
        throw boom;
      },
    ]) {
      const engine = new FakeEngine({ gate: async (index) => (index > 0 ? latch().opened : undefined) });
      const failing = transcribeFake(new FakeAudio([bursts(5)]), engine, { [name]: callback });
      await expect(failing).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        message: `The ${name} callback failed: boom`,
        cause: boom,
      });
    }
  });
});

describe("a transcription that is cancelled", () => {
  const reason = new Error("enough");

  it("before it starts reads nothing", async () => {
    const audio = new FakeAudio([bursts(1)]);
    const cancelled = transcribeFake(audio, new FakeEngine(), { signal: AbortSignal.abort(reason) });
    await expect(cancelled).rejects.toMatchObject({ code: "CANCELLED", cause: reason });
  });

  it.each([
    ["while decoding", { block: 3 }],
    ["while its language is heard", { detection: true }],
    ["while a window runs", { window: 0 }],
    ["while the last window runs", { window: 4 }],
    ["while it waits for the engine", { window: 2, concurrency: 1 }],
    ["from onSegment", { segment: true }],
    ["from onProgress", { progress: true }],
  ] as const)("%s ends, and calls back no more", async (_, at: Record<string, unknown>) => {
    const controller = new AbortController();
    let callbacksAfter = 0;
    const cancel = (): void => controller.abort(reason);
    const called = (wanted: unknown): void => {
      if (controller.signal.aborted) callbacksAfter += 1;
      else if (wanted) cancel();
    };
    const audio = new FakeAudio([bursts(5)], (index) => (index === at.block ? cancel() : undefined));
    const engine = new FakeEngine({
      concurrency: (at.concurrency as number) ?? 2,
      detect: () => {
        if (at.detection) cancel();
        return [{ language: "en", probability: 1 }];
      },
      gate: async (index) => {
        if (index === at.window) cancel();
      },
    });
    const cancelled = transcribeFake(audio, engine, {
      signal: controller.signal,
      onSegment: () => called(at.segment),
      onProgress: () => called(at.progress),
    });
    await expect(cancelled).rejects.toMatchObject({ code: "CANCELLED", cause: reason });
    expect(callbacksAfter).toBe(0);
  });

  it("by its timeout says so", async () => {
    const engine = new FakeEngine({ gate: () => latch().opened });
    await expect(transcribeFake(new FakeAudio([bursts(2)]), engine, { timeout: 0.05 })).rejects.toMatchObject(
      {
        code: "DEADLINE_EXCEEDED",
        message: expect.stringContaining("0.05 s"),
      },
    );
  });

  it("by a signal that timed out says so", async () => {
    const engine = new FakeEngine({ gate: () => latch().opened });
    const signal = AbortSignal.timeout(20);
    await expect(transcribeFake(new FakeAudio([bursts(2)]), engine, { signal })).rejects.toMatchObject({
      code: "DEADLINE_EXCEEDED",
    });
  });
});
