import { expect, it } from "vitest";
import { englishWords } from "../support/english-words.js";
import { monoCall } from "../support/real-recordings.js";
import { describeWithRealWhisper, realTranscriber, thereIsRealWhisper } from "../support/real-whisper.js";
import { hasSpeechPrograms, repeatedSpeech } from "../support/repeated-speech.js";

const repeated = thereIsRealWhisper && hasSpeechPrograms() ? await repeatedSpeech() : [];

describeWithRealWhisper("all of the sound is listened to", () => {
  it("from the beginning of a sentence, where the one before it is closed late", async () => {
    const { path, language } = monoCall();
    const { text } = await (await realTranscriber()).transcribe(path, { language });
    expect(englishWords(text).join(" ")).toContain("his father dying in miserable circumstances");
  });

  it.each(repeated)("and never without a word about it, when there is no VAD: $name", async (recording) => {
    const { samples, language } = recording;
    const transcriber = await realTranscriber();
    const result = await transcriber.transcribe(
      { samples, sampleRate: 16_000 },
      { language, vadFilter: false },
    );
    expect(result.text || result.warnings.join()).not.toBe("");
  });
});
