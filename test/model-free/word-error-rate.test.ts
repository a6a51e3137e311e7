import { describe, expect, it } from "vitest";
import { englishWords } from "../support/english-words.js";
import { wordErrorRate } from "../support/word-error-rate.js";

describe("word error rate", () => {
  it("is 0 for the same words, whatever their case, punctuation and composition", () => {
    expect(wordErrorRate("Hello, world!", "hello WORLD")).toMatchObject({ errors: 0, words: 2, rate: 0 });
    expect(wordErrorRate("Всё ещё", "все еще").errors).toBe(0);
    expect(wordErrorRate("café", "cafe\u0301").errors).toBe(0);
    expect(wordErrorRate("don’t", "don't").errors).toBe(0);
  });

  it("counts substitutions, insertions and deletions", () => {
    expect(wordErrorRate("a b c d", "a x c d").errors).toBe(1);
    expect(wordErrorRate("a b c d", "a b y c d").errors).toBe(1);
    expect(wordErrorRate("a b c d", "a c d").errors).toBe(1);
    expect(wordErrorRate("a b c d", "b x d e")).toMatchObject({ errors: 3, words: 4, rate: 0.75 });
  });

  it("tells the kinds of errors apart", () => {
    const kinds = { errors: 3, substitutions: 1, insertions: 1, deletions: 1 };
    expect(wordErrorRate("a b c d e f", "a x c e f g")).toMatchObject(kinds);
    expect(wordErrorRate("a b", "")).toMatchObject({ deletions: 2, insertions: 0 });
    expect(wordErrorRate("", "a b")).toMatchObject({ deletions: 0, insertions: 2 });
  });

  it("finds the cheapest alignment", () => {
    expect(wordErrorRate("one two three four five", "two three four five six").errors).toBe(2);
  });

  it("keeps letters of every script and digits apart from punctuation", () => {
    expect(wordErrorRate("на 15 мест", "на 16 мест").errors).toBe(1);
    expect(wordErrorRate("good-looking", "good looking").errors).toBe(0);
  });

  it("exceeds 1 when more is said than there was, and is infinite without a reference", () => {
    expect(wordErrorRate("a", "b c d").rate).toBe(3);
    expect(wordErrorRate("", "a").rate).toBe(Number.POSITIVE_INFINITY);
    expect(wordErrorRate("", "").rate).toBe(0);
  });
});

describe("English words as they are said", () => {
  const same = (written: string, spoken: string) =>
    expect(englishWords(written)).toEqual(englishWords(spoken));

  it("spells numbers out", () => {
    same("10 minims in 1,234 of 90 000", "ten minims in one thousand two hundred thirty four of ninety zero");
    same("the 1st, 22nd and 30th", "the first, twenty second and thirtieth");
    same("$15 or 20%", "fifteen dollars or twenty percent");
  });

  it("knows titles and both spellings", () => {
    same("Mr. Hale and Dr. Thornton", "mister hale and doctor thornton");
    same("his favourite colour was realised in the centre", "his favorite color was realized in the center");
  });

  it("keeps words apart that only look alike", () => {
    for (const word of ["four", "hour", "wise", "this", "tourist", "acre", "our"])
      expect(englishWords(word)).toEqual([word]);
  });
});
