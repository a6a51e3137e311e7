import { expect, it } from "vitest";
import { englishWords } from "../support/english-words.js";
import { librispeech } from "../support/real-recordings.js";
import { describeWithRealWhisper, realTranscriber } from "../support/real-whisper.js";
import { wordErrorRate } from "../support/word-error-rate.js";

describeWithRealWhisper("word error rate on LibriSpeech", () => {
  it.each([1, 5])("of %i beams is faster-whisper's", async (beamSize) => {
    const transcriber = await realTranscriber();
    const errors = await Promise.all(
      librispeech().map(async ({ path, language, text }) => {
        const result = await transcriber.transcribe(path, { language, beamSize });
        return wordErrorRate(text, result.text, englishWords).errors;
      }),
    );
    expect(errors.reduce((sum, each) => sum + each)).toBeLessThanOrEqual(1000);
  });
});
