import { expect } from "vitest";
import type { TranscriptionResult, Word } from "../../../src/index.js";
import type { RealRun } from "../../support/run-real-cli.js";
import { normalisedWords, wordErrorRate } from "../../support/word-error-rate.js";
import type { Case } from "./case-table.js";

/** Holds what a command did against the row's right result. */
export type Check = (run: RealRun, row: Case) => void | Promise<void>;

/** All that is said in jfk.wav, 11.0 s, which most cases of sound are made from. */
export const JFK =
  "and so my fellow americans ask not what your country can do for you ask what you can do for your country";
export const JFK_SECONDS = 11;
/** Where its last word begins. */
export const COUNTRY_SECONDS = 9.9;

/** The result of a command that must succeed. */
export function resultOf({ code, result, stderr }: RealRun): TranscriptionResult {
  expect(code, stderr).toBe(0);
  return result!;
}

export function expectWithin(actual: number, expected: number, tolerance: number): void {
  expect(Math.abs(actual - expected), `${actual} is not ${expected} ± ${tolerance}`).toBeLessThanOrEqual(
    tolerance + 1e-6,
  );
}

/** Two words of 22 may be others: codecs and 8 kHz change what the model hears. */
export function expectJfk({ text }: TranscriptionResult): void {
  expect(wordErrorRate(JFK, text).errors, text).toBeLessThanOrEqual(2);
  expectWordsIn(text, "ask what you can do for your country");
}

export function expectWordsIn(text: string, words: string): void {
  expect(normalisedWords(text).join(" ")).toContain(words);
}

/** One of the warnings says so. */
export function expectWarning({ warnings }: TranscriptionResult, ...patterns: RegExp[]): void {
  const match = warnings.find((warning) => patterns.every((pattern) => pattern.test(warning)));
  expect(match, `no warning like ${patterns.join(" and ")} in ${JSON.stringify(warnings)}`).toBeDefined();
}

export function wordsOf({ segments }: TranscriptionResult): Word[] {
  return segments.flatMap(({ words }) => words ?? []);
}

/** When the last word "country" begins; asks for words. */
export function expectCountryAt(result: TranscriptionResult, seconds: number, tolerance: number): void {
  const word = wordsOf(result).findLast(({ text }) => normalisedWords(text)[0] === "country");
  expect(word, `no word "country" in: ${result.text}`).toBeDefined();
  expectWithin(word!.start, seconds, tolerance);
}

/** Refused for what it is, in words that a user can act on. */
export function expectRefusal({ error }: RealRun, code: string, pattern: RegExp): void {
  expect(error, "not refused").toBeDefined();
  expect(error!.code, error!.message).toBe(code);
  expect(error!.message).toMatch(pattern);
}
