import { afterEach, describe, expect, it, vi } from "vitest";
import { type TranscribeOptions, transcribe } from "../../../src/index.js";
import { fake, speech } from "../../support/fake-implementation.js";

describe("a one-shot transcription", () => {
  afterEach(() => void vi.useRealTimers());

  it("keeps its model for the next and lets go of it after half a minute", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    for (const count of [1, 2])
      expect((await transcribe(speech(count), fake.options)).segments).toHaveLength(count);
    expect(fake.engines).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(29_000);
    expect(fake.engines[0]!.closed).toBe(0);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(fake.engines[0]!.closed).toBe(1);
  });

  it("takes the options of transcriber and request together", async () => {
    await transcribe(speech(1), { ...fake.options, threads: 1, language: "de", wordTimestamps: true });
    expect(fake.engineOptions[0]!.threads).toBe(1);
    expect(fake.engines[0]!.windows[0]).toMatchObject({ language: "de", wordTimestamps: true });
  });

  it.each([
    [{ beamsize: 2 }, "did you mean beamSize?"],
    [{ thread: 2 }, "did you mean threads?"],
    [{ vadOptions: { threshold: 0.2, negThreshold: 0.4 } }, "vadOptions.negThreshold"],
  ])("refuses %j before it loads anything", async (wrong, message) => {
    const refused = transcribe(speech(1), { ...fake.options, ...(wrong as TranscribeOptions) });
    await expect(refused).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining(message),
    });
    expect(fake.engineOptions).toEqual([]);
  });

  it("is cancelled while its model is being loaded, which the next call uses", async () => {
    let loaded!: () => void;
    fake.behaviour.load = () =>
      new Promise((resolve) => {
        loaded = resolve;
      });
    await expect(transcribe(speech(1), { ...fake.options, timeout: 0.05 })).rejects.toMatchObject({
      code: "DEADLINE_EXCEEDED",
    });
    const next = transcribe(speech(1), fake.options);
    await vi.waitFor(() => loaded());
    expect((await next).text).toBe("1");
    expect(fake.engines).toHaveLength(1);
  });

  it("fails for an unknown implementation, naming the known ones", async () => {
    await expect(transcribe(speech(1), { ...fake.options, implementation: "nope" })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("whisper-cpp, whisper, borealis, fake"),
    });
  });
});
