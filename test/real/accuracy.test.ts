import { describe, expect, it } from "vitest";
import type { TranscribeOptions, TranscriberOptions } from "../../src/index.js";
import { englishWords } from "../support/english-words.js";
import { LONG_FORMS, longForm } from "../support/long-form.js";
import {
  DIALOGUE_FORMATS,
  dialogue,
  librispeech,
  monoCall,
  type RealRecording,
  russian,
  stereoCall,
} from "../support/real-recordings.js";
import { describeWithRealWhisper, realTranscriber } from "../support/real-whisper.js";
import { normalisedWords, wordErrorRate } from "../support/word-error-rate.js";

/**
 * Word errors of faster-whisper 1.2.1 in the same files, of the same weights (ct2-base): float32, without VAD, its
 * defaults but for the beams, the call's parties apart. Texts normalised as here. `npm run bench:accuracy -- --real` measures them anew.
 */
const PEER = {
  librispeechGreedy: 106,
  librispeechBeams: 109,
  russian: 9 + 27,
  dialogue: 31,
  monoCall: 31,
  stereoCall: 8 + 23,
  longForms: [84, 82, 21],
};
/** What the order of sums alone may change. */
const MARGIN = 1.01;

async function errorsIn(
  recordings: readonly RealRecording[],
  request: TranscribeOptions = {},
  options: TranscriberOptions = {},
): Promise<number> {
  const transcriber = await realTranscriber(options);
  const errors = recordings.map(async ({ path, language, text }) => {
    const result = await transcriber.transcribe(path, { language, ...request });
    const normalise = language === "en" ? englishWords : normalisedWords;
    return wordErrorRate(text, result.text, normalise).errors;
  });
  return (await Promise.all(errors)).reduce((sum, each) => sum + each, 0);
}

describeWithRealWhisper("word errors are no more than faster-whisper's", () => {
  it("in LibriSpeech, greedy", async () => {
    expect(await errorsIn(librispeech())).toBeLessThanOrEqual(PEER.librispeechGreedy * MARGIN);
  });

  it("in LibriSpeech, with five beams", async () => {
    expect(await errorsIn(librispeech(), { beamSize: 5 })).toBeLessThanOrEqual(
      PEER.librispeechBeams * MARGIN,
    );
  });

  it("in Russian", async () => {
    expect(await errorsIn(russian())).toBeLessThanOrEqual(PEER.russian * MARGIN);
  });

  it.each(DIALOGUE_FORMATS)("in a dialogue as %s", async (format) => {
    expect(await errorsIn([dialogue(format)])).toBeLessThanOrEqual(PEER.dialogue * MARGIN);
  });

  it("in a telephone call that is mixed to one channel", async () => {
    expect(await errorsIn([monoCall()])).toBeLessThanOrEqual(PEER.monoCall * MARGIN);
  });

  it("in a telephone call with a channel for each party", async () => {
    const { path, language, texts } = stereoCall();
    const { channels } = await (await realTranscriber()).transcribe(path, { language, channels: "each" });
    const errors = texts.map((text, i) => wordErrorRate(text, channels![i]!.text, englishWords).errors);
    expect(errors[0]! + errors[1]!).toBeLessThanOrEqual(PEER.stereoCall * MARGIN);
  });

  describe.each(LONG_FORMS.map((form, index) => ({ ...form, peer: PEER.longForms[index]! })))(
    "in a long recording with pauses of $pause s",
    ({ peer, ...form }) => {
      it.each([false, "auto"] as const)("with vadFilter: %s", async (vadFilter) => {
        const { samples, text } = await longForm(librispeech(), form);
        const request = { language: "en", vadFilter };
        const result = await (await realTranscriber()).transcribe({ samples, sampleRate: 16_000 }, request);
        expect(wordErrorRate(text, result.text, englishWords).errors).toBeLessThanOrEqual(peer * MARGIN);
      });
    },
  );
});
