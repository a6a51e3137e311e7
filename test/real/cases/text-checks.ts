import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { formatSegments, type Segment, type TranscriptionResult } from "../../../src/index.js";
import { readCues } from "../../support/cues.js";
import { englishWords } from "../../support/english-words.js";
import { normalisedWords } from "../../support/word-error-rate.js";
import type { Check } from "./checks.js";
import * as is from "./checks.js";

/** One cue in a player's frame of 50 a second. */
const SHORTEST_CUE = 0.02;
/** A retry at a higher temperature takes as long as the first pass and more; one at the lowest is within the bound. */
const HIGHEST_TEMPERATURE = 0.2;

/**
 * A phrase said `times` times comes out so often, but for one, and nothing else does.
 * @param phrase normalised words; a pattern where a model hears a word as another
 */
const repeated =
  (
    phrase: string | RegExp,
    times: number,
    { only, temperature }: { only: boolean; temperature: number },
  ): Check =>
  (run) => {
    const { text, segments } = is.resultOf(run);
    const words = normalisedWords(text).join(" ");
    const rest = words.replace(new RegExp(phrase, "g"), "|");
    const count = rest.split("|").length - 1;
    is.expectWithin(count, times, 1);
    if (only) expect(rest.replace(/[| ]/g, ""), text).toBe("");
    expect(Math.max(...segments.map((segment) => segment.temperature))).toBeLessThanOrEqual(temperature);
  };

/** The five turns after 35 s of noise, the words of them that nothing of the noise can hide, and when the first begins. */
const CALL =
  "my phone number is two eight nine two six hi there how can i help you six routers please " +
  "i would like to compare a black tablet five tablets please";
const CALL_PARTS = [
  "hi there how can i help you",
  "six routers please",
  "i would like to compare",
  "five tablets please",
];
const CALL_SECONDS = 35.4;

const callAfterHum =
  (more: Check): Check =>
  (run, row) => {
    const result = is.resultOf(run);
    const words = is.wordsOf(result);
    is.expectWithin(words[0]!.start, CALL_SECONDS, 0.2);
    return more(run, row);
  };

const nothingElse: Check = (run) => {
  const result = is.resultOf(run);
  for (const { start, end, text } of is.wordsOf(result)) {
    expect(start, text).toBeGreaterThanOrEqual(CALL_SECONDS - 0.2);
    expect(end - start, text).toBeLessThanOrEqual(2);
  }
  const heard = englishWords(result.text);
  for (const part of CALL_PARTS) expect(heard.join(" ")).toContain(part);
  // The number may be written as one.
  expect(heard.length, result.text).toBeLessThanOrEqual(englishWords(CALL).length + 3);
};

function expectCounted(result: TranscriptionResult): void {
  expect(is.wordsOf(result)).toHaveLength(result.stats.wordCount);
}

/** Starts that never fall, cues that can be seen, none twice. */
function expectCues(text: string): void {
  const cues = readCues(text);
  expect(cues).not.toEqual([]);
  for (const [index, cue] of cues.entries()) {
    expect(cue.end - cue.start, JSON.stringify(cue)).toBeGreaterThanOrEqual(SHORTEST_CUE - 1e-6);
    const before = cues[index - 1];
    if (!before) continue;
    expect(cue.start, `${JSON.stringify(before)}, then ${JSON.stringify(cue)}`).toBeGreaterThanOrEqual(
      before.start,
    );
    expect([cue.start, cue.end]).not.toEqual([before.start, before.end]);
  }
}

/** The longest run of one group of `size` words, in repetitions. */
function longestRun(words: readonly string[], size: number): number {
  let longest = 0;
  for (let offset = 0; offset < size; offset++) {
    let run = 1;
    for (let at = offset + size; at + size <= words.length; at += size) {
      const isSame = words.slice(at, at + size).every((word, i) => word === words[at - size + i]);
      run = isSame ? run + 1 : 1;
      longest = Math.max(longest, run);
    }
  }
  return longest;
}

/** By input, in the order of its rows: every row of the table has to be here, but for languages.tsv. */
export const TEXT_CHECKS: Record<string, readonly Check[]> = {
  "repeat-sentence-4.opus": [
    repeated("ask what you can do for your country", 4, { only: false, temperature: 0 }),
  ],
  "repeat-sentence-8.opus": [
    repeated("ask what you can do for your country", 8, { only: true, temperature: HIGHEST_TEMPERATURE }),
  ],
  "repeat-turn-10.opus": [
    // Base hears "reader" for "router", in whisper.cpp too.
    repeated(/sorry we do not have the red (?:router|reader)/g, 10, {
      only: true,
      temperature: Number.POSITIVE_INFINITY,
    }),
  ],
  "fan-noise.opus": [(run) => expect(is.resultOf(run).text).toBe("")],
  "hum-then-call.opus": [callAfterHum(nothingElse), callAfterHum(() => {})],
  "hyphens-and-numbers.flac": [
    (run) => {
      const result = is.resultOf(run);
      for (const { text } of is.wordsOf(result)) expect(text).not.toMatch(/^(-|:|,\d|\.\d)/);
      expectCounted(result);
    },
  ],
  "hyphens-mother-in-law.flac": [
    (run) => {
      const result = is.resultOf(run);
      const words = is.wordsOf(result).map(({ text }) => text);
      for (const whole of ["mother-in-law's", "X-ray."]) {
        expect(words).toContain(whole);
        expect(run.outputs.srt!.split(/\s+/)).toContain(whole);
      }
      expectCounted(result);
    },
  ],
  "speech-in-babble.opus": [
    (run) => {
      const result = is.resultOf(run);
      const words = normalisedWords(result.text);
      for (let size = 1; size <= 5; size++)
        expect(longestRun(words, size), result.text).toBeLessThanOrEqual(6);
      const sentences = result.text.split(/(?<=[.!?])\s+/);
      expect(longestRun(sentences, 1), result.text).toBeLessThanOrEqual(6);
    },
  ],
  "two-channels-talk-at-once.opus": [
    (run) => {
      is.resultOf(run);
      for (const format of ["srt", "vtt"]) expectCues(run.outputs[format]!);
    },
  ],
  "short-segments.json": [
    (_, { path }) => {
      const segments = JSON.parse(readFileSync(path, "utf8")) as Segment[];
      for (const format of ["srt", "vtt"] as const)
        expectCues(formatSegments(segments, format, { maxLineWidth: 16, maxLineCount: 1 }));
    },
  ],
  "hotwords-3500.txt": [
    (run) => {
      const result = is.resultOf(run);
      is.expectJfk(result);
      is.expectWarning(result, /hotwords/i, /\d/);
    },
  ],
};
