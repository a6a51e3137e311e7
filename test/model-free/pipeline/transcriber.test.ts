import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, expect, it, vi } from "vitest";
import {
  createTranscriber,
  type DetectLanguageOptions,
  registerImplementation,
  TranscriptionError,
} from "../../../src/index.js";
import { bursts, FakeEngine } from "../../support/fake-engine.js";
import { fake, modelFile, never, speech } from "../../support/fake-implementation.js";

describe("a transcriber", () => {
  it("transcribes decoded samples, and several recordings at once", async () => {
    await using transcriber = await createTranscriber(fake.options);
    const results = await Promise.all([1, 2, 3].map((count) => transcriber.transcribe(speech(count))));
    expect(results.map((result) => result.text)).toEqual(["1", "1 2", "1 2 3"]);
    expect(results[0]).toMatchObject({ implementation: "fake", model: "fake", duration: 13, language: "en" });
    expect(results[0]!.stats.processingTime).toBeGreaterThan(0);
  });

  it("is not made when the signal fires while its model is loaded, and what was loaded is freed", async () => {
    await expect(createTranscriber({ ...fake.options, signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "CANCELLED",
    });
    const late = new AbortController();
    const loading = createTranscriber({ ...fake.options, signal: late.signal });
    late.abort();
    await expect(loading).rejects.toMatchObject({ code: "CANCELLED" });
    await expect.poll(() => fake.engines.every(({ closed }) => closed > 0)).toBe(true);
  });

  it("is closed for options, too", async () => {
    const transcriber = await createTranscriber(fake.options);
    await transcriber.close();
    expect(() => transcriber.checkOptions({ hotwords: "Agora" })).toThrow("The transcriber is closed");
  });

  it("says what it works with", async () => {
    await using transcriber = await createTranscriber({ ...fake.options, threads: 1, maxQueue: 7 });
    expect(transcriber.info).toMatchObject({
      implementation: "fake",
      maxWindow: 30,
      languages: ["en", "ru", "de"],
    });
    expect(fake.engineOptions).toEqual([
      {
        modelPath: fake.options.model,
        modelName: "any.bin",
        maxWindow: undefined,
        device: "auto",
        threads: 1,
        computeType: "auto",
        draftModelPath: undefined,
        cpuVariant: undefined,
        batchSize: 16,
        maxQueue: 7,
      },
    ]);
  });

  it("hands over what to compute in, by its full name, and the draft model's file", async () => {
    const draftModel = modelFile("draft.bin");
    await using transcriber = await createTranscriber({ ...fake.options, computeType: "bf16", draftModel });
    expect(fake.engineOptions).toMatchObject([{ computeType: "bfloat16", draftModelPath: draftModel }]);
    expect(transcriber.info.model.computeType).toBe("float32");
    expect(await transcriber.transcribe(speech(1))).toMatchObject({ computeType: "float32" });
    await expect(createTranscriber({ ...fake.options, draftModel: "nowhere.bin" })).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
      message: expect.stringContaining("nowhere.bin"),
    });
  });

  it.each([
    [undefined, true],
    [true, true],
    [false, false],
  ])(
    "says whether words are timed, as they are unless the engine denies it: %s",
    async (timesWords, told) => {
      fake.behaviour = timesWords === undefined ? {} : { timesWords };
      await using transcriber = await createTranscriber(fake.options);
      expect(transcriber.info.timesWords).toBe(told);
    },
  );

  it("sums up what the draft model did", async () => {
    fake.behaviour.answer = () => ({ segments: [], draft: { proposed: 10, accepted: 7 } });
    await using transcriber = await createTranscriber(fake.options);
    const { stats } = await transcriber.transcribe(speech(3));
    expect(stats.draft).toEqual({ proposed: 30, accepted: 21 });
  });

  it("keeps windows within what the model reads well", async () => {
    fake.behaviour = {
      maxWindow: 5,
      answer: (samples) => {
        expect(samples.length).toBeLessThanOrEqual(5 * 16_000);
        return { segments: [] };
      },
    };
    await using transcriber = await createTranscriber(fake.options);
    const { stats } = await transcriber.transcribe(speech(1), { chunkLength: 30 });
    expect(stats.windowCount).toBe(1);
    const long = { samples: bursts(1, 20, 1), sampleRate: 16_000 };
    expect((await transcriber.transcribe(long)).stats.windowCount).toBeGreaterThan(3);
  });

  it("detects a language without transcribing", async () => {
    fake.behaviour.detect = () => [{ language: "ru", probability: 0.7 }];
    await using transcriber = await createTranscriber(fake.options);
    expect(await transcriber.detectLanguage(speech(4))).toMatchObject({
      language: "ru",
      probability: expect.closeTo(0.7),
    });
    expect(fake.engines[0]).toMatchObject({ detections: 2, windows: [] });
    expect(await transcriber.detectLanguage(speech(0))).toMatchObject({ language: "", probability: 0 });
  });

  it("detects the language of what is to be heard, in as many windows as are to be heard for it", async () => {
    fake.behaviour.detect = () => [{ language: "ru", probability: 0.6 }];
    await using transcriber = await createTranscriber(fake.options);
    const options = { chunkLength: 1, languageDetectionThreshold: 0.9 };
    const heard = async (more: DetectLanguageOptions) => {
      const before = fake.engines[0]!.detections;
      const { language } = await transcriber.detectLanguage(speech(8), { ...options, ...more });
      return [language, fake.engines[0]!.detections - before];
    };
    expect(await heard({ languageDetectionSegments: 1 })).toEqual(["ru", 1]);
    expect(await heard({ languageDetectionSegments: 3 })).toEqual(["ru", 3]);
    const all = await heard({ languageDetectionSegments: 100 });
    const clip = await heard({ languageDetectionSegments: 100, clipTimestamps: [0, 20] });
    expect(clip[1]).toBeGreaterThan(0);
    expect(clip[1]).toBeLessThan(all[1] as number);
    expect(await heard({ clipTimestamps: [1000] })).toEqual(["", 0]);
  });

  it.each(["language", "beamSize", "diarize", "onSegment"])(
    "has no use for %s where the language is to be detected",
    async (option) => {
      await using transcriber = await createTranscriber(fake.options);
      const given = { language: "ru", beamSize: 1, diarize: true, onSegment: () => {} };
      const options = Object.fromEntries(Object.entries(given).filter(([name]) => name === option));
      await expect(transcriber.detectLanguage(speech(1), options)).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        option,
      });
    },
  );

  it("loads one model once, however many use it, and closes it after the last", async () => {
    const [first, second] = await Promise.all([
      createTranscriber(fake.options),
      createTranscriber(fake.options),
    ]);
    expect(fake.engines).toHaveLength(1);
    await first!.close();
    expect((await second!.transcribe(speech(1))).text).toBe("1");
    expect(fake.engines[0]!.closed).toBe(0);
    await second!.close();
    expect(fake.engines[0]!.closed).toBe(1);
  });

  it("has a model of its own for other settings, or once the file has changed", async () => {
    await using _ = await createTranscriber(fake.options);
    await using _other = await createTranscriber({ ...fake.options, threads: 1 });
    expect(fake.engines).toHaveLength(2);
    writeFileSync(fake.options.model!, "another model");
    await using _changed = await createTranscriber(fake.options);
    expect(fake.engines).toHaveLength(3);
  });

  it("is created on the next try after a model failed to load", async () => {
    fake.behaviour.load = async () => {
      throw new TranscriptionError("OUT_OF_MEMORY", "no room");
    };
    await expect(createTranscriber(fake.options)).rejects.toMatchObject({ code: "OUT_OF_MEMORY" });
    fake.behaviour = {};
    await using transcriber = await createTranscriber(fake.options);
    expect((await transcriber.transcribe(speech(1))).text).toBe("1");
  });

  it("waits for running work when it is closed, refuses new work, and may be closed again", async () => {
    const order: string[] = [];
    const transcriber = await createTranscriber(fake.options);
    const running = transcriber.transcribe(speech(3)).then(() => order.push("done"));
    const closing = transcriber.close().then(() => order.push("closed"));
    await expect(transcriber.transcribe(speech(1))).rejects.toMatchObject({
      code: "CANCELLED",
      message: expect.stringContaining("closed"),
    });
    await expect(transcriber.detectLanguage(speech(1))).rejects.toMatchObject({ code: "CANCELLED" });
    await expect(transcriber.stream(speech(1)).next()).rejects.toMatchObject({ code: "CANCELLED" });
    await Promise.all([running, closing, transcriber.close()]);
    expect(order).toEqual(["done", "closed"]);
    expect(fake.engines[0]!.closed).toBe(1);
  });

  it("closes after work that is cancelled meanwhile", async () => {
    fake.behaviour.gate = never;
    const controller = new AbortController();
    const transcriber = await createTranscriber(fake.options);
    const running = transcriber.transcribe(speech(2), { signal: controller.signal });
    const closing = transcriber.close();
    controller.abort();
    await expect(running).rejects.toMatchObject({ code: "CANCELLED" });
    await closing;
    expect(fake.engines[0]!.closed).toBe(1);
  });

  it("cancels while its input is still to come", async () => {
    await using transcriber = await createTranscriber(fake.options);
    const input = new Readable({ read() {} });
    const cancelled = transcriber.transcribe(input, { timeout: 0.05 });
    await expect(cancelled).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
    expect(input.destroyed).toBe(true);
  });

  it("reports what is wrong with its input", async () => {
    await using transcriber = await createTranscriber(fake.options);
    await expect(transcriber.transcribe(join(fake.folder, "none.wav"))).rejects.toBeInstanceOf(
      TranscriptionError,
    );
    await expect(transcriber.transcribe(speech(9), { limits: { maxDuration: 20 } })).rejects.toMatchObject({
      code: "AUDIO_TOO_LONG",
    });
    await expect(transcriber.transcribe(speech(1), { channels: 1 })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
    await expect(transcriber.detectLanguage(speech(1), { channels: "each" as "mix" })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
  });

  it("lays the limits of a request over its own", async () => {
    await using transcriber = await createTranscriber({ ...fake.options, limits: { maxDuration: 15 } });
    await expect(transcriber.transcribe(speech(3))).rejects.toMatchObject({ code: "AUDIO_TOO_LONG" });
    expect((await transcriber.transcribe(speech(3), { limits: { maxDuration: 60 } })).text).toBe("1 2 3");
  });

  it("keeps no listener on the caller's signal", async () => {
    await using transcriber = await createTranscriber(fake.options);
    const { signal } = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners += 1;
      addEventListener.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners -= 1;
      removeEventListener.apply(signal, args);
    };
    await transcriber.transcribe(speech(2), { signal });
    for await (const _ of transcriber.stream(speech(2), { signal }));
    expect(listeners).toBe(0);
  });
});

describe("the choice of a VAD model", () => {
  it("is refused where one is required and forbidden at once", async () => {
    await using transcriber = await createTranscriber({ ...fake.options, vadModel: null });
    await expect(transcriber.transcribe(speech(1), { vadFilter: true })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
    expect((await transcriber.transcribe(speech(1))).text).toBe("1");
  });

  it("is the one of the package, which needs neither cache nor network", async () => {
    const { vadModel: _, ...options } = fake.options;
    vi.stubEnv("AGORA_OFFLINE", "1");
    await using transcriber = await createTranscriber(options);
    // Bursts are sound, and no speech.
    for (const vadFilter of [true, "auto"] as const) {
      expect((await transcriber.transcribe(speech(1), { vadFilter })).text).toBe("");
    }
    expect((await transcriber.transcribe(speech(1), { vadFilter: false })).text).toBe("1");
  });

  it("fails at once where the one that was named is not there", async () => {
    const missing = createTranscriber({ ...fake.options, vadModel: join(fake.folder, "vad.bin") });
    await expect(missing).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
    expect(fake.engines[0]!.closed).toBe(1);
  });
});

describe("registering an implementation", () => {
  it("is refused for a name that is empty or taken, and for what is no function", () => {
    const factory = async () => new FakeEngine();
    for (const [name, made] of [
      ["", factory],
      ["fake", factory],
      ["other", undefined],
    ] as const) {
      expect(() => registerImplementation(name, made as typeof factory)).toThrow(TranscriptionError);
    }
  });
});
