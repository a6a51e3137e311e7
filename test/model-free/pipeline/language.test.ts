import { describe, expect, it } from "vitest";
import { LanguageVote } from "../../../src/pipeline/language.js";
import type { LanguageDetection } from "../../../src/types/engine.js";

function heard(probabilities: Record<string, number>, noSpeechProb?: number): LanguageDetection {
  const list = Object.entries(probabilities)
    .map(([language, probability]) => ({ language, probability }))
    .sort((a, b) => b.probability - a.probability);
  return { ...list[0]!, probabilities: list, ...(noSpeechProb !== undefined && { noSpeechProb }) };
}

describe("the language", () => {
  it("is settled by one window that is sure", () => {
    const vote = new LanguageVote();
    vote.add(heard({ ru: 0.8, uk: 0.1 }), 20);
    expect(vote.isSettled).toBe(true);
    expect(vote.result()).toMatchObject({ language: "ru", probability: 0.8 });
  });

  it("needs more where the first window holds hardly any speech", () => {
    const vote = new LanguageVote();
    vote.add(heard({ en: 0.7, ru: 0.3 }), 0.6);
    expect(vote.isSettled).toBe(false);
    vote.add(heard({ ru: 0.9, en: 0.1 }), 12);
    expect(vote.isSettled).toBe(true);
    expect(vote.result().language).toBe("ru");
  });

  it("is settled by the rules that were given", () => {
    const strict = new LanguageVote({ threshold: 0.9, segments: 2 });
    strict.add(heard({ ru: 0.8, uk: 0.1 }), 20);
    expect(strict.isSettled).toBe(false);
    strict.add(heard({ ru: 0.8, uk: 0.1 }), 20);
    expect(strict.isSettled).toBe(true);
  });

  it("is the best total of four windows when none is sure", () => {
    const vote = new LanguageVote();
    for (const language of ["uk", "ru", "ru", "be"]) {
      expect(vote.isSettled).toBe(false);
      vote.add(heard({ ru: 0.3, [language]: 0.4 }), 10);
    }
    expect(vote.isSettled).toBe(true);
    expect(vote.result().language).toBe("ru");
    expect(vote.result().probability).toBeCloseTo(0.35);
  });

  it("is not settled by a window that contradicts all the others", () => {
    const vote = new LanguageVote();
    vote.add(heard({ ru: 0.49 }), 30);
    vote.add(heard({ en: 0.6, ru: 0.4 }), 10);
    expect(vote.isSettled).toBe(false);
    expect(vote.result().language).toBe("ru");
  });

  it("is that of the call, not of the noise before it", () => {
    const vote = new LanguageVote();
    for (const noise of ["nn", "en", "nn", "cy", "nn"]) {
      vote.add(heard({ [noise]: 0.9, ru: 0.05 }, 0.97), 30);
      expect(vote.isSettled).toBe(false);
    }
    vote.add(heard({ ru: 0.8, uk: 0.1 }, 0.1), 10);
    expect(vote.isSettled).toBe(true);
    expect(vote.result().language).toBe("ru");
  });

  it("is not waited for without end in noise", () => {
    const vote = new LanguageVote({ threshold: 0.5, segments: 2 });
    let windows = 0;
    for (; !vote.isSettled; windows++) vote.add(heard({ nn: 0.4, en: 0.3 }, 1), 1);
    expect(windows).toBe(8);
    expect(vote.result()).toMatchObject({ language: "nn", probability: expect.closeTo(0.4) });
  });

  it("is unknown where nothing was heard", () => {
    expect(new LanguageVote().result()).toEqual({ language: "", probability: 0, probabilities: [] });
  });
});
