import { describe, expect, it } from "vitest";
import { wordErrorRate } from "../support/word-error-rate.js";

describe("word error rate", () => {
  it("is 0 for the same words, whatever their case, punctuation and composition", () => {
    expect(wordErrorRate("Hello, world!", "hello WORLD")).toEqual({ errors: 0, words: 2, rate: 0 });
    expect(wordErrorRate("Всё ещё", "все еще").errors).toBe(0);
    expect(wordErrorRate("café", "cafe\u0301").errors).toBe(0);
    expect(wordErrorRate("don’t", "don't").errors).toBe(0);
  });

  it("counts substitutions, insertions and deletions", () => {
    expect(wordErrorRate("a b c d", "a x c d").errors).toBe(1);
    expect(wordErrorRate("a b c d", "a b y c d").errors).toBe(1);
    expect(wordErrorRate("a b c d", "a c d").errors).toBe(1);
    expect(wordErrorRate("a b c d", "b x d e")).toEqual({ errors: 3, words: 4, rate: 0.75 });
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
