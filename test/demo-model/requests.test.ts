import { describe, expect, test } from "vitest";
import { createTranscriber, type Progress, type Segment, transcribe } from "../../src/index.js";
import { codeOf, DEMO, failure, sharedTranscriber } from "../support/demo.js";
import { sampleAudio, samplePath, sampleText } from "../support/samples.js";
import { wordErrorRate } from "../support/word-error-rate.js";

const LONG = samplePath("long-call-en.flac");
const CLIPS = [
  sampleAudio("sales-call-en", 0, 12),
  sampleAudio("sales-call-ru", 0, 11),
  sampleAudio("sales-call-en", 17, 30),
  sampleAudio("sales-call-ru", 20, 31),
];

const transcriber = sharedTranscriber();

describe("requests at once", () => {
  test("give the same text as one after another", async () => {
    const alone: string[] = [];
    for (const clip of CLIPS) alone.push((await transcriber().transcribe(clip)).text);
    expect(alone.every((text) => text.length > 20)).toBe(true);
    const together = await Promise.all(
      [...CLIPS, ...[...CLIPS].reverse()].map((clip) => transcriber().transcribe(clip)),
    );
    expect(together.map(({ text }) => text)).toEqual([...alone, ...[...alone].reverse()]);
  });

  test("and before one another leave no traces in the results", async () => {
    const [first, second] = CLIPS;
    const fresh = await createTranscriber({ ...DEMO, maxQueue: 999 });
    const { segments } = await fresh.transcribe(first!, { language: "en" });
    await fresh.transcribe(second!, { temperature: 1, beamSize: 3, wordTimestamps: true });
    expect((await fresh.transcribe(first!, { language: "en" })).segments).toEqual(segments);
    await fresh.close();
  });

  test("of different options do not mix them up", async () => {
    const [clip] = CLIPS;
    const options = [
      {},
      { wordTimestamps: true },
      { beamSize: 4 },
      { language: "ru" },
      { withoutTimestamps: true },
    ];
    const alone = [];
    for (const each of options) alone.push((await transcriber().transcribe(clip!, each)).segments);
    const together = await Promise.all(options.map((each) => transcriber().transcribe(clip!, each)));
    expect(together.map(({ segments }) => segments)).toEqual(alone);
  });

  test("beyond the queue's length are refused at once", async () => {
    const small = await createTranscriber({ ...DEMO, batchSize: 1, maxQueue: 1 });
    const results = await Promise.allSettled(CLIPS.map((clip) => small.transcribe(clip, { language: "en" })));
    const refused = results.filter((result) => result.status === "rejected");
    expect(refused.length).toBeGreaterThan(0);
    for (const { reason } of refused) {
      expect(reason.code).toBe("QUEUE_FULL");
      expect(reason.message).toContain("maxQueue");
    }
    // Those that had their place, and those that come later, are not harmed.
    expect(results.length - refused.length).toBeGreaterThanOrEqual(2);
    expect((await small.transcribe(CLIPS[0]!)).text).not.toBe("");
    await small.close();
  });
});

describe("a model", () => {
  test("is loaded once for transcribers of the same settings", async () => {
    const before = process.memoryUsage.rss();
    const others = await Promise.all(Array.from({ length: 20 }, () => createTranscriber(DEMO)));
    const grown = (process.memoryUsage.rss() - before) / 2 ** 20;
    // Twenty copies of the weights alone would take 340 MiB.
    expect(grown).toBeLessThan(100);
    const [first, ...rest] = others;
    await Promise.all(rest.map((each) => each.close()));
    expect((await first!.transcribe(CLIPS[0]!)).text).not.toBe("");
    await first!.close();
  });

  test("is described by its transcriber", () => {
    expect(transcriber().info).toMatchObject({
      implementation: "whisper",
      maxWindow: 20,
      device: { kind: "cpu" },
      model: {
        name: "demo",
        type: "custom",
        weightType: "q8_0",
        multilingual: true,
        vocabularySize: 51_865,
        melBands: 80,
        encoderLayers: 4,
        decoderLayers: 4,
        fileBytes: 17_451_053,
      },
    });
    expect(transcriber().info.languages).toHaveLength(99);
  });
});

describe("cancelling", () => {
  test("before the start keeps anything from happening", async () => {
    const signal = AbortSignal.abort();
    const onSegment = (): void => expect.unreachable();
    expect(await codeOf(transcriber().transcribe(LONG, { signal, onSegment }))).toBe("CANCELLED");
    expect(await codeOf(transcribe(LONG, { ...DEMO, signal }))).toBe("CANCELLED");
  });

  test("in the middle of the work ends it soon", async ({ annotate }) => {
    const controller = new AbortController();
    let abortedAt = 0;
    const onProgress = (): void => {
      if (abortedAt > 0) return;
      // Some way into the window that is running then.
      setTimeout(() => {
        abortedAt = performance.now();
        controller.abort();
      }, 20);
    };
    const code = await codeOf(transcriber().transcribe(LONG, { signal: controller.signal, onProgress }));
    const took = performance.now() - abortedAt;
    await annotate(`Stopped ${Math.round(took)} ms after the signal`);
    expect(code).toBe("CANCELLED");
    // The promise is 200 ms; five times that for a machine that is busy with something else.
    expect(took).toBeLessThan(1000);
  });

  test("one request leaves the others alone", async () => {
    const controller = new AbortController();
    const cancelled = codeOf(
      transcriber().transcribe(LONG, { signal: controller.signal, onSegment: () => controller.abort() }),
    );
    const [clip] = CLIPS;
    const { text } = await transcriber().transcribe(clip!);
    expect(await cancelled).toBe("CANCELLED");
    expect((await transcriber().transcribe(clip!)).text).toBe(text);
  });

  test("after the end changes nothing", async () => {
    const controller = new AbortController();
    const { text } = await transcriber().transcribe(CLIPS[0]!, { signal: controller.signal });
    controller.abort();
    expect((await transcriber().transcribe(CLIPS[0]!)).text).toBe(text);
  });

  test("by a deadline is told from cancelling by hand", async () => {
    const { code, message } = await failure(transcriber().transcribe(LONG, { timeout: 0.05 }));
    expect(code).toBe("DEADLINE_EXCEEDED");
    expect(message).toContain("timeout of 0.05 s");
    expect(await codeOf(transcriber().transcribe(LONG, { signal: AbortSignal.timeout(50) }))).toBe(
      "DEADLINE_EXCEEDED",
    );
    expect(await codeOf(transcriber().transcribe(CLIPS[0]!, { timeout: 600 }))).toBe("ok");
  });
});

describe("closing", () => {
  test("waits for running work, refuses new work, and may be repeated", async () => {
    const closing = await createTranscriber({ ...DEMO, threads: 1 });
    const order: string[] = [];
    const work = CLIPS.slice(0, 2).map(async (clip) => {
      const { text } = await closing.transcribe(clip);
      order.push("text");
      return text;
    });
    const closed = closing.close().then(() => order.push("closed"));
    expect(await codeOf(closing.transcribe(CLIPS[0]!))).toBe("CANCELLED");
    expect(await codeOf(closing.detectLanguage(CLIPS[0]!))).toBe("CANCELLED");
    expect(await codeOf(closing.stream(CLIPS[0]!).next())).toBe("CANCELLED");
    await closed;
    expect(order).toEqual(["text", "text", "closed"]);
    expect((await Promise.all(work)).every((text) => text.length > 20)).toBe(true);
    await closing.close();
  });

  test("is what the end of an `await using` block does", async () => {
    const used = await createTranscriber(DEMO);
    await used[Symbol.asyncDispose]();
    expect(await codeOf(used.transcribe(CLIPS[0]!))).toBe("CANCELLED");
  });
});

describe("while it runs", () => {
  test("a stream yields segments before the end", async () => {
    const segments: Segment[] = [];
    let finished = 0;
    let finishedAtFirst: number | undefined;
    const onProgress = ({ processed }: Progress): void => {
      finished = processed;
    };
    for await (const segment of transcriber().stream(LONG, { onProgress })) {
      finishedAtFirst ??= finished;
      segments.push(segment);
    }
    expect(finishedAtFirst).toBeLessThan(60);
    expect(finished).toBeCloseTo(428.6, 1);
    expect(segments.map(({ id }) => id)).toEqual(segments.map((_, i) => i));
    const text = segments.map((segment) => segment.text).join(" ");
    expect(wordErrorRate(sampleText("long-call-en"), text).rate).toBeLessThanOrEqual(0.03);
  });

  test("leaving the loop over a stream cancels the rest", async () => {
    let finished = 0;
    const onProgress = ({ processed }: Progress): void => {
      finished = processed;
    };
    for await (const segment of transcriber().stream(LONG, { onProgress })) {
      expect(segment.text).not.toBe("");
      break;
    }
    expect(finished).toBeLessThan(200);
    // Nothing of it runs any more: closing has nothing to wait for, and the next request is served.
    expect((await transcriber().transcribe(CLIPS[0]!)).text).not.toBe("");
  });

  test("progress only grows, and reaches the total", async () => {
    const seen: Progress[] = [];
    const onProgress = (progress: Progress): void => void seen.push(progress);
    const { duration } = await transcriber().transcribe(samplePath("sales-call-en.wav"), { onProgress });
    expect(seen.length).toBeGreaterThanOrEqual(3);
    const processed = seen.map((each) => each.processed);
    expect(processed).toEqual([...processed].sort((a, b) => a - b));
    expect(seen.at(-1)).toMatchObject({ processed: duration, total: duration });
    for (const { total, speedFactor } of seen) {
      expect(total).toBeCloseTo(duration, 2);
      expect(speedFactor).toBeGreaterThanOrEqual(0);
    }
  });

  test("segments are called back in order, and are those of the result", async () => {
    const heard: Segment[] = [];
    const onSegment = (segment: Segment): void => void heard.push(segment);
    const { segments } = await transcriber().transcribe(samplePath("sales-call-ru.wav"), { onSegment });
    expect(heard).toEqual(segments);
  });

  test("a callback that fails ends its request only", async () => {
    const onSegment = (): never => {
      throw new Error("the disk is full");
    };
    const { code, message } = await failure(transcriber().transcribe(CLIPS[0]!, { onSegment }));
    expect(code).toBe("INVALID_ARGUMENT");
    expect(message).toContain("onSegment callback failed: the disk is full");
    expect((await transcriber().transcribe(CLIPS[0]!)).text).not.toBe("");
  });
});

test("a one-shot transcription needs nothing but a file and a model", async () => {
  const { text, model } = await transcribe(samplePath("sales-call-en.wav"), DEMO);
  expect(model).toBe("demo");
  expect(wordErrorRate(sampleText("sales-call-en"), text).rate).toBeLessThanOrEqual(0.03);
});
