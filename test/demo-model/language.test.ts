import { describe, expect, test } from "vitest";
import { failure, sharedTranscriber } from "../support/demo.js";
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
