import { describe, expect, it } from "vitest";
import type { TranscribeOptions } from "../../src/index.js";
import { englishWords } from "../support/english-words.js";
import { describeWithRealWhisper, realTranscriber, thereIsRealWhisper } from "../support/real-whisper.js";
import { hasSpeechPrograms, type RepeatedSpeech, repeatedSpeech } from "../support/repeated-speech.js";
import { UNGUARDED } from "../support/unguarded.js";
import { normalisedWords, wordErrorRate } from "../support/word-error-rate.js";

/** Mean log probability below which any text is tried again. */
const LEAST_PROBABLE = -1;
/** Words that may be wrong where the model hears a repetition rightly, of so many. */
const HEARD_RIGHTLY = 0.1;

const isMade = hasSpeechPrograms();
if (thereIsRealWhisper && !isMade)
  console.warn("No espeak-ng or no sox, so repetitions that are made with them are not tested");
const recordings = thereIsRealWhisper && isMade ? await repeatedSpeech() : [];

function wordsOf({ language }: RepeatedSpeech, text: string): string[] {
  return language === "en" ? englishWords(text) : normalisedWords(text);
}

/** Without a VAD, text that is short for all its sound and looks like silence to the model is dropped: these are not. */
const HEARD_WITHOUT_VAD = [
  "a sentence, six voices",
  "counting to twenty",
  "counting to twenty in a breath",
  "a telephone number, three times",
  "a refrain",
  "utterance 1688-142285-0009",
];

/** Recordings, with a VAD and without, that the model hears rightly by itself: their text may not change by a word. */
const LEAST_STRICT = 10;

/** What the weights write when nothing guards them says what can be asked of the guards. */
describeWithRealWhisper("what is said again and again", () => {
  const strict: string[] = [];

  it.skipIf(!isMade)("is made, all of it (needs espeak-ng and sox)", () => {
    expect(recordings.map(({ name }) => name)).toEqual(expect.arrayContaining(HEARD_WITHOUT_VAD));
  });

  describe.skipIf(!isMade).each([true, false])("VAD: %s", (vadFilter) => {
    const heard = recordings.filter(({ name }) => vadFilter || HEARD_WITHOUT_VAD.includes(name));
    it.each(heard)("$name is written as often", async (recording) => {
      const { samples, language, text } = recording;
      const transcriber = await realTranscriber();
      const hear = (options: TranscribeOptions) =>
        transcriber.transcribe({ samples, sampleRate: 16_000 }, { language, vadFilter, ...options });
      const [unguarded, guarded] = await Promise.all([hear(UNGUARDED), hear({})]);
      const words = (each: string) => wordsOf(recording, each);
      const free = wordErrorRate(text, unguarded.text, words);
      const { errors, insertions } = wordErrorRate(text, guarded.text, words);
      expect(errors, guarded.text).toBeLessThanOrEqual(free.errors);
      const isSure = unguarded.segments.every(({ avgLogProb }) => avgLogProb >= LEAST_PROBABLE);
      if (isSure && free.rate <= HEARD_RIGHTLY) {
        strict.push(`${recording.name}${vadFilter ? "" : " (no VAD)"}`);
        expect(words(guarded.text)).toEqual(words(unguarded.text));
        for (const { temperature } of guarded.segments) expect(temperature).toBe(0);
      }
      // No loop is kept, whatever the weights do.
      expect(insertions, guarded.text).toBeLessThanOrEqual(Math.max(2, 0.2 * words(text).length));
    });
  });

  it.skipIf(!isMade)("is mostly heard rightly, so that the text has to stay the same", () => {
    expect(strict.length, strict.join(", ")).toBeGreaterThanOrEqual(LEAST_STRICT);
  });
});
