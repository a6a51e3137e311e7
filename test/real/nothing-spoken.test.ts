import { describe, expect, it } from "vitest";
import { describeWithRealWhisper, realTranscriber } from "../support/real-whisper.js";
import { unspokenSounds } from "../support/unspoken-sounds.js";
import { normalisedWords } from "../support/word-error-rate.js";

/**
 * Sounds in which faster-whisper 1.2.1 writes words without VAD (ct2-base, float32, its defaults but greedy):
 * nobody can be asked to be silent where the weights themselves are not.
 */
const INVENTED_BY_PEER: Record<string, readonly string[]> = {
  en: ["pink noise, long", "European ringing tone"],
  ru: ["European ringing tone", "busy tone", "piano on hold", "music with drums", "keyboard clicks"],
};

const sounds = unspokenSounds();

describeWithRealWhisper("where nobody speaks", () => {
  describe.each(["en", "ru"])("in %s", (language) => {
    it.each(sounds)("$name gives no words", async ({ samples }) => {
      const { text } = await (await realTranscriber()).transcribe(
        { samples, sampleRate: 16_000 },
        { language },
      );
      expect(normalisedWords(text), text).toEqual([]);
    });

    const silentWithoutVad = sounds.filter(({ name }) => !INVENTED_BY_PEER[language]!.includes(name));
    it.each(silentWithoutVad)("$name gives no words without VAD", async ({ samples }) => {
      const options = { language, vadFilter: false };
      const { text } = await (await realTranscriber()).transcribe({ samples, sampleRate: 16_000 }, options);
      expect(normalisedWords(text), text).toEqual([]);
    });
  });
});
