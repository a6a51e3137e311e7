import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  createTranscriber,
  type EngineOptions,
  registerImplementation,
  type Segment,
  type TranscribeOptions,
  type TranscriberOptions,
  TranscriptionError,
  transcribe,
} from "../../../src/index.js";
import { bursts, FakeEngine, type FakeEngineOptions } from "../../support/fake-engine.js";
import { temporaryFolder } from "../../support/temporary-folder.js";

/** What the next engines are made with, and those that were made. */
let behaviour: FakeEngineOptions & { load?: () => Promise<void> };
let engines: FakeEngine[];
let engineOptions: EngineOptions[];

registerImplementation("fake", async (options) => {
  engineOptions.push(options);
  await behaviour.load?.();
  const engine = new FakeEngine(behaviour);
  engines.push(engine);
  return engine;
});

let folder: string;
let options: TranscriberOptions;

beforeEach(async () => {
  behaviour = {};
  engines = [];
  engineOptions = [];
  folder = await temporaryFolder();
  // No model is cached, so that no VAD model is found.
  vi.stubEnv("AGORA_CACHE_DIR", folder);
  options = { implementation: "fake", model: model("any.bin") };
});

afterEach(() => {
  vi.unstubAllEnvs();
  vi.useRealTimers();
});

/** A file that passes for a model. */
function model(name: string): string {
  const path = join(folder, name);
  writeFileSync(path, name);
  return path;
}

const speech = (count: number) => ({ samples: bursts(count), sampleRate: 16_000 });
const never = (): Promise<void> => new Promise(() => {});

describe("a transcriber", () => {
  it("transcribes decoded samples, and several recordings at once", async () => {
    await using transcriber = await createTranscriber(options);
    const results = await Promise.all([1, 2, 3].map((count) => transcriber.transcribe(speech(count))));
    expect(results.map((result) => result.text)).toEqual(["1", "1 2", "1 2 3"]);
    expect(results[0]).toMatchObject({ implementation: "fake", model: "fake", duration: 13, language: "en" });
    expect(results[0]!.stats.processingTime).toBeGreaterThan(0);
  });

  it("says what it works with", async () => {
    await using transcriber = await createTranscriber({ ...options, threads: 3, maxQueue: 7 });
    expect(transcriber.info).toMatchObject({
      implementation: "fake",
      maxWindow: 30,
      languages: ["en", "ru", "de"],
    });
    expect(engineOptions).toEqual([
      {
        modelPath: options.model,
        modelName: "any.bin",
        maxWindow: undefined,
        device: "auto",
        threads: 3,
        computeType: "auto",
        draftModelPath: undefined,
        cpuVariant: undefined,
        batchSize: 16,
        maxQueue: 7,
      },
    ]);
  });

  it("hands over what to compute in, by its full name, and the draft model's file", async () => {
    const draftModel = model("draft.bin");
    await using transcriber = await createTranscriber({ ...options, computeType: "bf16", draftModel });
    expect(engineOptions).toMatchObject([{ computeType: "bfloat16", draftModelPath: draftModel }]);
    expect(transcriber.info.model.computeType).toBe("float32");
    expect(await transcriber.transcribe(speech(1))).toMatchObject({ computeType: "float32" });
    await expect(createTranscriber({ ...options, draftModel: "nowhere.bin" })).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
      message: expect.stringContaining("nowhere.bin"),
    });
  });

  it("sums up what the draft model did", async () => {
    behaviour.answer = () => ({ segments: [], draft: { proposed: 10, accepted: 7 } });
    await using transcriber = await createTranscriber(options);
    const { stats } = await transcriber.transcribe(speech(3));
    expect(stats.draft).toEqual({ proposed: 30, accepted: 21 });
  });

  it("keeps windows within what the model reads well", async () => {
    behaviour = {
      maxWindow: 5,
      answer: (samples) => {
        expect(samples.length).toBeLessThanOrEqual(5 * 16_000);
        return { segments: [] };
      },
    };
    await using transcriber = await createTranscriber(options);
    const { stats } = await transcriber.transcribe(speech(1), { chunkLength: 30 });
    expect(stats.windowCount).toBe(1);
    const long = { samples: bursts(1, 20, 1), sampleRate: 16_000 };
    expect((await transcriber.transcribe(long)).stats.windowCount).toBeGreaterThan(3);
  });

  it("detects a language without transcribing", async () => {
    behaviour.detect = () => [{ language: "ru", probability: 0.7 }];
    await using transcriber = await createTranscriber(options);
    expect(await transcriber.detectLanguage(speech(4))).toMatchObject({
      language: "ru",
      probability: expect.closeTo(0.7),
    });
    expect(engines[0]).toMatchObject({ detections: 2, windows: [] });
    expect(await transcriber.detectLanguage(speech(0))).toMatchObject({ language: "", probability: 0 });
  });

  it("loads one model once, however many use it, and closes it after the last", async () => {
    const [first, second] = await Promise.all([createTranscriber(options), createTranscriber(options)]);
    expect(engines).toHaveLength(1);
    await first!.close();
    expect((await second!.transcribe(speech(1))).text).toBe("1");
    expect(engines[0]!.closed).toBe(0);
    await second!.close();
    expect(engines[0]!.closed).toBe(1);
  });

  it("has a model of its own for other settings, or once the file has changed", async () => {
    await using _ = await createTranscriber(options);
    await using _other = await createTranscriber({ ...options, threads: 1 });
    expect(engines).toHaveLength(2);
    writeFileSync(options.model!, "another model");
    await using _changed = await createTranscriber(options);
    expect(engines).toHaveLength(3);
  });

  it("is created on the next try after a model failed to load", async () => {
    behaviour.load = async () => {
      throw new TranscriptionError("OUT_OF_MEMORY", "no room");
    };
    await expect(createTranscriber(options)).rejects.toMatchObject({ code: "OUT_OF_MEMORY" });
    behaviour = {};
    await using transcriber = await createTranscriber(options);
    expect((await transcriber.transcribe(speech(1))).text).toBe("1");
  });

  it("waits for running work when it is closed, refuses new work, and may be closed again", async () => {
    const order: string[] = [];
    const transcriber = await createTranscriber(options);
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
    expect(engines[0]!.closed).toBe(1);
  });

  it("closes after work that is cancelled meanwhile", async () => {
    behaviour.gate = never;
    const controller = new AbortController();
    const transcriber = await createTranscriber(options);
    const running = transcriber.transcribe(speech(2), { signal: controller.signal });
    const closing = transcriber.close();
    controller.abort();
    await expect(running).rejects.toMatchObject({ code: "CANCELLED" });
    await closing;
    expect(engines[0]!.closed).toBe(1);
  });

  it("cancels while its input is still to come", async () => {
    await using transcriber = await createTranscriber(options);
    const input = new Readable({ read() {} });
    const cancelled = transcriber.transcribe(input, { timeout: 0.05 });
    await expect(cancelled).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
    expect(input.destroyed).toBe(true);
  });

  it("reports what is wrong with its input", async () => {
    await using transcriber = await createTranscriber(options);
    await expect(transcriber.transcribe(join(folder, "none.wav"))).rejects.toBeInstanceOf(TranscriptionError);
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
    await using transcriber = await createTranscriber({ ...options, limits: { maxDuration: 15 } });
    await expect(transcriber.transcribe(speech(3))).rejects.toMatchObject({ code: "AUDIO_TOO_LONG" });
    expect((await transcriber.transcribe(speech(3), { limits: { maxDuration: 60 } })).text).toBe("1 2 3");
  });

  it("keeps no listener on the caller's signal", async () => {
    await using transcriber = await createTranscriber(options);
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
    await using transcriber = await createTranscriber({ ...options, vadModel: null });
    await expect(transcriber.transcribe(speech(1), { vadFilter: true })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
    expect((await transcriber.transcribe(speech(1))).text).toBe("1");
  });

  it("fails where one is required, not cached and not to be downloaded", async () => {
    await using transcriber = await createTranscriber({ ...options, download: false });
    await expect(transcriber.transcribe(speech(1), { vadFilter: true })).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
      message: expect.stringContaining("silero"),
    });
    expect((await transcriber.transcribe(speech(1), { vadFilter: "auto" })).text).toBe("1");
    expect((await transcriber.transcribe(speech(1), { vadFilter: false })).text).toBe("1");
  });

  it("fails at once where the one that was named is not there", async () => {
    const missing = createTranscriber({ ...options, vadModel: join(folder, "vad.bin") });
    await expect(missing).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
    expect(engines[0]!.closed).toBe(1);
  });
});

describe("a stream of segments", () => {
  async function collect(segments: AsyncIterable<Segment>): Promise<string> {
    const texts: string[] = [];
    for await (const segment of segments) texts.push(segment.text);
    return texts.join(" ");
  }

  it("has all segments, in order", async () => {
    await using transcriber = await createTranscriber(options);
    const seen: string[] = [];
    const onSegment = (segment: Segment): void => void seen.push(segment.text);
    expect(await collect(transcriber.stream(speech(4), { onSegment }))).toBe("1 2 3 4");
    expect(seen).toEqual(["1", "2", "3", "4"]);
    expect(await collect(transcriber.stream(speech(0)))).toBe("");
  });

  it("has segments while later windows still run", async () => {
    behaviour = { concurrency: 1, gate: (index) => (index > 0 ? never() : Promise.resolve()) };
    await using transcriber = await createTranscriber(options);
    for await (const segment of transcriber.stream(speech(4))) {
      expect(segment.text).toBe("1");
      break;
    }
    expect(engines[0]).toMatchObject({ running: 0 });
    expect(engines[0]!.cancellations).toBeGreaterThan(0);
  });

  it("does nothing until it is asked, and nothing when it is left before", async () => {
    await using transcriber = await createTranscriber(options);
    const segments = transcriber.stream(speech(2));
    expect(await segments.return!()).toEqual({ done: true, value: undefined });
    expect(await segments.next()).toEqual({ done: true, value: undefined });
    expect(engines[0]!.windows).toEqual([]);
  });

  it("ends for everyone who waits when it is left", async () => {
    behaviour.gate = never;
    await using transcriber = await createTranscriber(options);
    const segments = transcriber.stream(speech(2));
    const waiting = [segments.next(), segments.next()];
    await segments.return!();
    expect(await Promise.all(waiting)).toEqual(Array(2).fill({ done: true, value: undefined }));
  });

  it("fails after the segments that were finished before, once", async () => {
    behaviour = {
      concurrency: 1,
      gate: async (index) => {
        if (index === 2) throw new TranscriptionError("OUT_OF_MEMORY", "too big");
      },
    };
    await using transcriber = await createTranscriber(options);
    const segments = transcriber.stream(speech(4));
    expect((await segments.next()).value?.text).toBe("1");
    expect((await segments.next()).value?.text).toBe("2");
    await expect(segments.next()).rejects.toMatchObject({ code: "OUT_OF_MEMORY" });
    expect(await segments.next()).toEqual({ done: true, value: undefined });
  });

  it("is cancelled by the caller's signal", async () => {
    behaviour.gate = never;
    await using transcriber = await createTranscriber(options);
    const signal = AbortSignal.timeout(50);
    await expect(collect(transcriber.stream(speech(2), { signal }))).rejects.toMatchObject({
      code: "DEADLINE_EXCEEDED",
    });
  });

  it("refuses wrong options at once", async () => {
    await using transcriber = await createTranscriber(options);
    expect(() => transcriber.stream(speech(1), { beamSize: 0 })).toThrow(TranscriptionError);
  });
});

describe("a one-shot transcription", () => {
  it("keeps its model for the next and lets go of it after half a minute", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    for (const count of [1, 2])
      expect((await transcribe(speech(count), options)).segments).toHaveLength(count);
    expect(engines).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(29_000);
    expect(engines[0]!.closed).toBe(0);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(engines[0]!.closed).toBe(1);
  });

  it("takes the options of transcriber and request together", async () => {
    await transcribe(speech(1), { ...options, threads: 2, language: "de", wordTimestamps: true });
    expect(engineOptions[0]!.threads).toBe(2);
    expect(engines[0]!.windows[0]).toMatchObject({ language: "de", wordTimestamps: true });
  });

  it.each([
    [{ beamsize: 2 }, "did you mean beamSize?"],
    [{ thread: 2 }, "did you mean threads?"],
    [{ vadOptions: { threshold: 0.2, negThreshold: 0.4 } }, "vadOptions.negThreshold"],
  ])("refuses %j before it loads anything", async (wrong, message) => {
    const refused = transcribe(speech(1), { ...options, ...(wrong as TranscribeOptions) });
    await expect(refused).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining(message),
    });
    expect(engineOptions).toEqual([]);
  });

  it("is cancelled while its model is being loaded, which the next call uses", async () => {
    let loaded!: () => void;
    behaviour.load = () =>
      new Promise((resolve) => {
        loaded = resolve;
      });
    await expect(transcribe(speech(1), { ...options, timeout: 0.05 })).rejects.toMatchObject({
      code: "DEADLINE_EXCEEDED",
    });
    const next = transcribe(speech(1), options);
    await vi.waitFor(() => loaded());
    expect((await next).text).toBe("1");
    expect(engines).toHaveLength(1);
  });

  it("fails for an unknown implementation, naming the known ones", async () => {
    await expect(transcribe(speech(1), { ...options, implementation: "nope" })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("whisper-cpp, whisper, borealis, fake"),
    });
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
