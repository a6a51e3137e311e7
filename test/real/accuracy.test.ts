import { expect, it } from "vitest";
import type { TranscribeOptions, TranscriberOptions } from "../../src/index.js";
import { englishWords } from "../support/english-words.js";
import { LONG_FORMS, type LongForm, longForm } from "../support/long-form.js";
import {
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
  dialogue: { wav: 31, mp3: 40, opus: 30, webm: 37 },
  monoCall: 31,
  stereoCall: 8 + 23,
  longForms: [84, 82, 21],
};
/** With what the order of sums alone may change: one of a hundred. */
const about = (peer: number): number => Math.floor(1.01 * peer);

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
    expect(await errorsIn(librispeech())).toBeLessThanOrEqual(about(PEER.librispeechGreedy));
  });

  it("in LibriSpeech, with five beams", async () => {
    expect(await errorsIn(librispeech(), { beamSize: 5 })).toBeLessThanOrEqual(about(PEER.librispeechBeams));
  });

  it("in Russian", async () => {
    expect(await errorsIn(russian())).toBeLessThanOrEqual(about(PEER.russian));
  });

  it.each(["wav", "flac", "m4a", "aac", "ogg"] as const)("in a dialogue as %s", async (format) => {
    expect(await errorsIn([dialogue(format)])).toBeLessThanOrEqual(about(PEER.dialogue.wav));
  });

  it.each(["mp3", "webm"] as const)("in a dialogue as %s", async (format) => {
    expect(await errorsIn([dialogue(format)])).toBeLessThanOrEqual(about(PEER.dialogue[format]));
  });

  // What Opus leaves of a word decides by chance: the two programs trip over different ones, and there are two more here.
  it("in a dialogue that lossy codecs have been through, taken together", async () => {
    const { mp3, opus, webm } = PEER.dialogue;
    const errors = await errorsIn([dialogue("mp3"), dialogue("opus"), dialogue("webm")]);
    expect(errors).toBeLessThanOrEqual(about(mp3 + opus + webm));
  });

  it("in a telephone call that is mixed to one channel", async () => {
    expect(await errorsIn([monoCall()])).toBeLessThanOrEqual(about(PEER.monoCall));
  });

  it("in a telephone call with a channel for each party", async () => {
    const { path, language, texts } = stereoCall();
    const { channels } = await (await realTranscriber()).transcribe(path, { language, channels: "each" });
    const errors = texts.map((text, i) => wordErrorRate(text, channels![i]!.text, englishWords).errors);
    expect(errors[0]! + errors[1]!).toBeLessThanOrEqual(about(PEER.stereoCall));
  });

  const errorsInLongForm = async (form: LongForm, vadFilter: false | "auto"): Promise<number> => {
    const { samples, text } = await longForm(librispeech(), form);
    const request = { language: "en", vadFilter };
    const result = await (await realTranscriber()).transcribe({ samples, sampleRate: 16_000 }, request);
    return wordErrorRate(text, result.text, englishWords).errors;
  };

  it.each(LONG_FORMS.map((form, index) => ({ ...form, peer: PEER.longForms[index]! })))(
    "in a long recording with pauses of $pause s",
    async ({ peer, ...form }) => {
      expect(await errorsInLongForm(form, "auto")).toBeLessThanOrEqual(about(peer));
    },
  );

  it("in the long recordings without VAD, taken together", async () => {
    let errors = 0;
    for (const form of LONG_FORMS) errors += await errorsInLongForm(form, false);
    expect(errors).toBeLessThanOrEqual(about(PEER.longForms.reduce((sum, each) => sum + each)));
  });
});
