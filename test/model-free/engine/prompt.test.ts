import { describe, expect, it } from "vitest";
import { firstThatFit, fitPrompt, lastThatFit, splitPieces } from "../../../src/engine/prompt.js";

/** A tokenizer of one token for four letters that keeps account of what it was asked. */
function tokenizer() {
  const asked = { pieces: 0, characters: 0, longest: 0 };
  const count = (piece: string): number => {
    asked.pieces += 1;
    asked.characters += piece.length;
    asked.longest = Math.max(asked.longest, piece.length);
    return Math.ceil(piece.length / 4);
  };
  return { asked, count };
}

const words = (count: number): string => Array.from({ length: count }, (_, i) => `word${i}`).join(" ");

describe("a text for a prompt", () => {
  it("is split as GPT-2 does", () => {
    expect(splitPieces("Don't stop: 1,000 \u{1F600}  ok")).toEqual([
      " Don",
      "'t",
      " stop",
      ":",
      " 1",
      ",",
      "000",
      " \u{1F600}",
      " ",
      " ok",
    ]);
    expect(splitPieces("")).toEqual([]);
  });

  it.each(["One, two.", "Борис и Агора", "日本語の名前", "a\n\nb", "\u{1F600}\u{1F600}"])(
    "that fits stays as it is: %j",
    (text) => {
      const one = (): number => 1;
      expect(firstThatFit(text, 20, one).text).toBe(text);
      expect(lastThatFit(text, 20, one).text).toBe(text);
    },
  );

  it("keeps its first or its last whole words", () => {
    const one = (): number => 1;
    expect(firstThatFit("Ann mother-in-law Bob", 4, one)).toEqual({ text: "Ann", tokens: 1 });
    expect(firstThatFit("Ann mother-in-law Bob", 6, one)).toEqual({ text: "Ann mother-in-law", tokens: 6 });
    expect(lastThatFit("Ann mother-in-law Bob", 4, one)).toEqual({ text: "Bob", tokens: 1 });
    expect(lastThatFit("Ann mother-in-law Bob", 6, one)).toEqual({ text: "mother-in-law Bob", tokens: 6 });
  });

  it("without words is cut between characters", () => {
    const half = (piece: string): number => [...piece.trim()].length;
    const text = "\u{20000}".repeat(1000);
    expect([...firstThatFit(text, 100, half).text].length).toBeGreaterThan(60);
    expect([...lastThatFit(text, 100, half).text].length).toBeGreaterThan(60);
    expect(firstThatFit(text, 100, half).text).toMatch(/^\u{20000}+$/u);
    expect(lastThatFit(text, 100, half).text).toMatch(/^\u{20000}+$/u);
  });

  it.each([
    ["words", words(20_000)],
    ["one word again and again", "na ".repeat(33_000)],
    ["letters without a space", "a".repeat(100_000)],
    ["spaces", `a${" ".repeat(99_998)}b`],
    ["characters of a language without spaces", "日本語".repeat(33_000)],
    ["symbols", "—".repeat(100_000)],
  ])("is looked at no further than it can be used: %s", (_, text) => {
    const { asked, count } = tokenizer();
    fitPrompt({ hotwords: text, initialPrompt: text, prefix: "" }, 223, count);
    expect(asked.pieces).toBeLessThanOrEqual(3 * 224);
    expect(asked.characters).toBeLessThanOrEqual(3 * 223 * 32);
    expect(asked.longest).toBeLessThanOrEqual(64);
  });
});

describe("a prompt", () => {
  const one = (): number => 1;
  const tokensOf = (hotwords: number, initialPrompt: number) => {
    const letters = (count: number): string => Array.from({ length: count }, () => "a").join(" ");
    const fitted = fitPrompt(
      { hotwords: letters(hotwords), initialPrompt: letters(initialPrompt), prefix: "" },
      11,
      one,
    );
    return [fitted.hotwords.tokens, fitted.initialPrompt.tokens];
  };

  it.each([
    [3, 4, [3, 4]],
    [20, 0, [11, 0]],
    [0, 20, [0, 11]],
    [20, 2, [9, 2]],
    [2, 20, [2, 9]],
    [20, 20, [6, 5]],
  ])("of %i hotwords and %i words before it has room for %j", (hotwords, initialPrompt, kept) => {
    expect(tokensOf(hotwords, initialPrompt)).toEqual(kept);
  });
});
