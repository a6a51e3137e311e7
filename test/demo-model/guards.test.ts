import { describe, expect, test } from "vitest";
import { createTranscriber, type TranscribeOptions } from "../../src/index.js";
import { DEMO, failure, sharedTranscriber } from "../support/demo.js";
import { DEMO_MODEL, F16_MODEL, sampleAudio, samplePath } from "../support/samples.js";

const BATCHED = { ...DEMO, implementation: "whisper" } as const;
const CALL = samplePath("sales-call-en.wav");
const CLIP = sampleAudio("sales-call-en", 0, 19);

const transcriber = sharedTranscriber(BATCHED);

const textOf = async (options: TranscribeOptions): Promise<string> =>
  (await transcriber().transcribe(CLIP, { language: "en", ...options })).text;

describe("guards against repetition", () => {
  test("change what is written", async () => {
    const free = await textOf({});
    expect(await textOf({ repetitionPenalty: 5 })).not.toBe(free);
    expect(await textOf({ noRepeatNgramSize: 1, withoutTimestamps: true })).not.toBe(free);
  });

  test("that whisper.cpp does not have are refused there, with what it has", async () => {
    const sequential = await createTranscriber({ ...DEMO, implementation: "whisper-cpp" });
    for (const [options, message] of [
      [{ repetitionPenalty: 1.1 }, "Expected 1 with whisper-cpp, which has no other for repetitionPenalty"],
      [{ noRepeatNgramSize: 3 }, "for noRepeatNgramSize but received 3"],
      [{ hallucinationSilenceThreshold: 2 }, "Expected null with whisper-cpp"],
      [{ maxInitialTimestamp: 2 }, "for maxInitialTimestamp"],
    ] as const) {
      const refused = await failure(sequential.transcribe(CLIP, options));
      expect(refused.code).toBe("INVALID_ARGUMENT");
      expect(refused.message).toContain(message);
    }
    await sequential.close();
  });
});

describe("the guard against invented text", () => {
  test("leaves a call as it is", async () => {
    const expected = await transcriber().transcribe(CALL, { language: "en" });
    const guarded = await transcriber().transcribe(CALL, {
      language: "en",
      hallucinationSilenceThreshold: 2,
    });
    expect(guarded.text).toBe(expected.text);
    expect(guarded.segments.every((segment) => !("words" in segment))).toBe(true);
  });
});

describe("punctuation", () => {
  test("is part of its word, unless it is told not to be", async () => {
    const words = async (options: TranscribeOptions): Promise<string[]> => {
      const { segments } = await transcriber().transcribe(CLIP, {
        language: "en",
        wordTimestamps: true,
        ...options,
      });
      return segments.flatMap((segment) => segment.words!.map((word) => word.text));
    };
    const joined = await words({});
    expect(joined.some((word) => /\w\.$/.test(word))).toBe(true);
    const apart = await words({ appendPunctuations: "" });
    expect(apart.some((word) => /\w\.$/.test(word))).toBe(false);
    expect(apart).toContain(".");
    expect(apart.join("")).toBe(joined.join(""));
  });
});

describe("the first time of a window", () => {
  test("is as late as it may be, not later", async () => {
    const start = async (maxInitialTimestamp: number): Promise<number> =>
      (await transcriber().transcribe(CLIP, { language: "en", maxInitialTimestamp })).segments[0]!.start;
    expect(await start(0)).toBe(0);
    expect(await start(1)).toBeGreaterThan(0.2);
  });
});

describe("a draft model", () => {
  test("leaves the text as it is, for requests at once, and tells what it was good for", async () => {
    const alone = await createTranscriber({ ...BATCHED, model: F16_MODEL });
    const ahead = await createTranscriber({ ...BATCHED, model: F16_MODEL, draftModel: DEMO_MODEL });
    const requests: TranscribeOptions[] = [
      {},
      { wordTimestamps: true },
      { withoutTimestamps: true },
      { beamSize: 2 },
      { repetitionPenalty: 1.5 },
      { noRepeatNgramSize: 2 },
      { hallucinationSilenceThreshold: 1 },
    ];
    const run = (with_: typeof alone) =>
      Promise.all(requests.map((each) => with_.transcribe(CLIP, { language: "en", ...each })));
    const [expected, actual] = [await run(alone), await run(ahead)];
    await Promise.all([alone.close(), ahead.close()]);
    expect(actual.map(({ segments }) => segments)).toEqual(expected.map(({ segments }) => segments));
    expect(expected[0]!.stats).not.toHaveProperty("draft");
    const { proposed, accepted } = actual[0]!.stats.draft!;
    expect(proposed).toBeGreaterThan(20);
    expect(accepted).toBeGreaterThan(0.7 * proposed);
    expect(accepted).toBeLessThanOrEqual(proposed);
    expect(actual[3]!.stats.draft).toEqual({ proposed: 0, accepted: 0 });
  });

  test("is not there for whisper.cpp", async () => {
    const refused = await failure(
      createTranscriber({ ...DEMO, implementation: "whisper-cpp", draftModel: DEMO_MODEL }),
    );
    expect(refused.code).toBe("INVALID_ARGUMENT");
    expect(refused.message).toContain("draftModel");
  });
});

describe("compute types", () => {
  test("of whisper.cpp are the file's own", async () => {
    const sequential = { ...DEMO, implementation: "whisper-cpp" } as const;
    const refused = await failure(createTranscriber({ ...sequential, computeType: "float16" }));
    expect(refused.code).toBe("INVALID_ARGUMENT");
    expect(refused.message).toContain('"auto" or "int8" with whisper-cpp');
    expect(refused.message).toContain("for computeType but received");
    for (const computeType of ["int8", "auto"] as const) {
      const loaded = await createTranscriber({ ...sequential, computeType });
      expect(loaded.info.model.computeType).toBe("int8");
      await loaded.close();
    }
  });

  test("are told by the model and the result", async () => {
    expect(transcriber().info.model.computeType).not.toBe("");
    const { computeType } = await transcriber().transcribe(CLIP);
    expect(computeType).toBe(transcriber().info.model.computeType);
  });
});
