import { expect, it } from "vitest";
import type { TranscribeOptions, TranscriptionResult } from "../../src/index.js";
import { englishWords } from "../support/english-words.js";
import { monoCall } from "../support/real-recordings.js";
import { describeWithRealWhisper, realTranscriber, thereIsRealWhisper } from "../support/real-whisper.js";
import { hasSpeechPrograms, repeatedSpeech } from "../support/repeated-speech.js";
import { UNGUARDED } from "../support/unguarded.js";
import { normalisedWords } from "../support/word-error-rate.js";

const isMade = hasSpeechPrograms();
if (thereIsRealWhisper && !isMade)
  console.warn("No espeak-ng or no sox, so sound that is made with them is not listened to");
const repeated = thereIsRealWhisper && isMade ? await repeatedSpeech() : [];

/** Warnings about sound that no text stands for. */
const SAYS_WHAT_IS_MISSING = /gave no text|gave text that was left out/;
/** Seconds outside the times of all text, at most, unless a warning says what is not written: pauses are shorter. */
const LONGEST_GAP = 2;
/** Share of the words said that are written, unless a warning says what is not. */
const ENOUGH = 0.5;

function longestGap({ segments, duration }: TranscriptionResult): number {
  const starts = [...segments.map(({ start }) => start), duration];
  const ends = [0, ...segments.map(({ end }) => end)];
  return Math.max(...starts.map((start, i) => start - ends[i]!));
}

describeWithRealWhisper("all of the sound is listened to", () => {
  it("from the beginning of a sentence, where the one before it is closed late", async () => {
    const { path, language } = monoCall();
    const { text } = await (await realTranscriber()).transcribe(path, { language });
    expect(englishWords(text).join(" ")).toContain("his father dying in miserable circumstances");
  });

  it.skipIf(!isMade)("is made, all of it (needs espeak-ng and sox)", () => {
    expect(repeated.length).toBeGreaterThan(10);
  });

  it.each(repeated)("and never without a word about it, when there is no VAD: $name", async (recording) => {
    const { samples, language, text } = recording;
    const transcriber = await realTranscriber();
    const hear = (options: TranscribeOptions) =>
      transcriber.transcribe({ samples, sampleRate: 16_000 }, { language, vadFilter: false, ...options });
    const result = await hear({});
    const isTold = result.warnings.some((warning) => SAYS_WHAT_IS_MISSING.test(warning));
    if (isTold) return;
    expect(longestGap(result)).toBeLessThanOrEqual(LONGEST_GAP);
    const [heard, said] = [normalisedWords(result.text), normalisedWords(text)];
    if (heard.length >= ENOUGH * said.length) return;
    // The weights themselves take all of it for one sentence: nobody knows that there were more.
    expect(heard).toEqual(normalisedWords((await hear(UNGUARDED)).text));
  });
});
