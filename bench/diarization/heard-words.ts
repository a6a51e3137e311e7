import { diarize, type Speaker, type Transcriber, voiceOf } from "../../src/index.js";
import { englishWords } from "../../test/support/english-words.js";
import { normalisedWords, wordErrorRate } from "../../test/support/word-error-rate.js";
import { type Clip, type ClipText, channelsOf, SELLER_CHANNEL } from "./clips.js";
import {
  type Spoken,
  speakerWordErrors,
  type WordErrors,
  wordsOfWrongRole,
  wordsOfWrongSpeaker,
} from "./speaker-words.js";

/** What a transcript with speakers is worth. */
export interface WordScores {
  /** cpWER. */
  bySpeaker: WordErrors;
  /** Without regard to speakers, in order of time. */
  plain: WordErrors;
  /** Words that another speaker has. */
  ofWrongSpeaker: WordErrors;
  /** Words whose speaker has the wrong role: by the channel on two channels, by what is said on one. */
  roles?: WordErrors;
  /** The same by a voice of the seller that is known, and nothing that is said. */
  rolesByVoice?: WordErrors;
}

/** What a clip is heard with. */
export interface WordMeans {
  /** Path of a diarization model. */
  model: string;
  transcriber: Transcriber;
}

/** Transcribes a clip and scores it. */
export async function heardWords(
  { group, path, turns }: Clip,
  { language, spoken, hasRoles, sellerVoice }: ClipText,
  { model, transcriber }: WordMeans,
): Promise<WordScores> {
  const cut = language === "en" ? englishWords : normalisedWords;
  const reference: Spoken[] = spoken.map(({ speaker, text }) => ({ speaker, words: cut(text) }));
  const result = await transcriber.transcribe(path, {
    language,
    diarize: { model },
    // Speakers change within segments.
    wordTimestamps: true,
    ...(hasRoles && { roles: group === "stereo" ? { sellerChannel: SELLER_CHANNEL } : true }),
  });
  const heard = result.segments.map(({ speaker = null, text }) => ({ speaker, words: cut(text) }));
  const words = result.segments.flatMap((segment) => segment.words ?? []);
  const plain = wordErrorRate(spoken.map(({ text }) => text).join(" "), result.text, cut);
  const wrong = (speakers: readonly Speaker[]) => {
    const roles = new Map(speakers.map(({ id, role }) => [id, role]));
    return wordsOfWrongRole(turns, words, (id) => roles.get(id));
  };
  return {
    bySpeaker: speakerWordErrors(reference, heard),
    plain: { errors: plain.errors, words: plain.words },
    ofWrongSpeaker: wordsOfWrongSpeaker(turns, words),
    ...(hasRoles && { roles: wrong(result.speakers!) }),
    ...(sellerVoice && { rolesByVoice: wrong(await speakersByVoice(path, group, sellerVoice, model)) }),
  };
}

/** The speakers of a transcript are those of diarize(), which does not know what they say. */
async function speakersByVoice(
  path: string,
  group: Clip["group"],
  voice: NonNullable<ClipText["sellerVoice"]>,
  model: string,
): Promise<readonly Speaker[]> {
  const sellerVoices = [await voiceOf(voice.path, { model, channels: voice.channel })];
  const { speakers } = await diarize(path, { model, roles: { sellerVoices }, ...channelsOf(group) });
  return speakers;
}
