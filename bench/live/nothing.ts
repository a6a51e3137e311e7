import type { Transcriber } from "../../src/index.js";
import { bytesOf, join, replay, silence, textOf } from "../../test/support/scripted-speech.js";
import { unspokenSounds } from "../../test/support/unspoken-sounds.js";
import { normalisedWords } from "../../test/support/word-error-rate.js";
import { RATE } from "./speech.js";

/** What was heard where nobody speaks: nothing, it should be. */
export async function nothing(transcriber: Transcriber): Promise<{ seconds: number; heard: string[] }> {
  const heard: string[] = [];
  let seconds = 0;
  for (const { name, samples } of unspokenSounds()) {
    const { events } = await replay(transcriber.live(), bytesOf(join([samples, silence(1)])), 3200);
    const text = textOf(events);
    if (normalisedWords(text).length > 0) heard.push(`${name}: ${text}`);
    seconds += samples.length / RATE;
  }
  return { seconds, heard };
}
