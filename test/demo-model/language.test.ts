import { describe, expect, test, vi } from "vitest";
import { loadAddon } from "../../src/addon/addon.js";
import { createTranscriber } from "../../src/index.js";
import { DEMO, failure, sharedTranscriber } from "../support/demo.js";
import { sampleAudio, samplePath, sampleText } from "../support/samples.js";
import { wordErrorRate } from "../support/word-error-rate.js";

const transcriber = sharedTranscriber();

describe("detection", () => {
  test.each(["en", "ru"])("%s is recognised, with its probability", async (language) => {
    const detected = await transcriber().detectLanguage(samplePath(`sales-call-${language}.wav`));
    expect(detected.language).toBe(language);
    expect(detected.probability).toBeGreaterThan(0.95);
    expect(detected.probability).toBeLessThanOrEqual(1);
    expect(detected.probabilities[0]).toEqual({ language, probability: detected.probability });
    expect(detected.probabilities.map((each) => each.language).sort()).toEqual(
      [...transcriber().info.languages].sort(),
    );
    const total = detected.probabilities.reduce((sum, { probability }) => sum + probability, 0);
    expect(total).toBeCloseTo(1, 4);
    const values = detected.probabilities.map(({ probability }) => probability);
    expect(values).toEqual([...values].sort((a, b) => b - a));
  });

  test("is part of a transcription, for the channel asked for", async () => {
    const result = await transcriber().transcribe(samplePath("sales-call-ru.stereo.wav"), {
      channels: 1,
      language: "auto",
    });
    expect(result.language).toBe("ru");
    expect(result.languageProbability).toBeGreaterThan(0.95);
  });

  test.each([1, 16])("needs no second look at a recording, batch %i", async (batchSize) => {
    const loaded = vi.spyOn(loadAddon(), "loadBatchedModel");
    // Of no other test's making: a queue of its own.
    await using transcriber = await createTranscriber({ ...DEMO, batchSize, maxQueue: 1000 + batchSize });
    const model = await loaded.mock.results[0]!.value;
    loaded.mockRestore();
    const encodedBy = async (work: () => Promise<unknown>): Promise<number> => {
      const { encoded } = model.load();
      await work();
      return model.load().encoded - encoded;
    };
    const audio = sampleAudio("sales-call-ru", 0, 6.9);
    const options = { wordTimestamps: true, beamSize: 2 };
    const given = await transcriber.transcribe(audio, { ...options, language: "ru" });
    let detected = given;
    const passes = await encodedBy(async () => {
      detected = await transcriber.transcribe(audio, options);
    });
    expect(passes).toBe(await encodedBy(() => transcriber.transcribe(audio, { ...options, language: "ru" })));
    expect(await encodedBy(() => transcriber.detectLanguage(audio))).toBe(1);
    expect(detected.languageProbability).toBeGreaterThan(0.95);
    expect(detected.languageProbability).toBeLessThan(1);
    expect(detected.segments).toEqual(given.segments);
    expect(detected.segments.length).toBeGreaterThan(1);
    expect(model.load()).toMatchObject({ running: 0, waiting: 0 });
  });

  test("of silence finds nothing", async () => {
    const silence = { samples: new Float32Array(5 * 16_000), sampleRate: 16_000 };
    expect(await transcriber().detectLanguage(silence)).toEqual({
      language: "",
      probability: 0,
      probabilities: [],
    });
  });
});

describe("a given language", () => {
  test.each(["ru", "RU", "russian", "Russian"])("%s is used as it is, with certainty", async (language) => {
    const result = await transcriber().transcribe(sampleAudio("sales-call-ru", 0, 6.9), { language });
    expect(result.language).toBe("ru");
    expect(result.languageProbability).toBe(1);
    const said = sampleText("sales-call-ru").split(".").slice(0, 2).join(".");
    expect(wordErrorRate(said, result.text).rate).toBeLessThanOrEqual(0.2);
  });

  test("is reported for a recording without speech too", async () => {
    const silence = { samples: new Float32Array(16_000), sampleRate: 16_000 };
    const { language, languageProbability } = await transcriber().transcribe(silence, { language: "german" });
    expect({ language, languageProbability }).toEqual({ language: "de", languageProbability: 1 });
  });

  test("that the model does not have is refused, by name", async () => {
    expect(transcriber().info.languages).not.toContain("yue");
    const { code, message } = await failure(
      transcriber().transcribe(samplePath("sales-call-en.wav"), { language: "cantonese" }),
    );
    expect(code).toBe("INVALID_ARGUMENT");
    expect(message).toContain('Model demo does not have the language "yue"');
  });
});
