import { type Ending, type Heard, isSure, meanOf, type Policy, partedAt, type Sound } from "./policy.js";
import { type PassMeans, passOver } from "./window-pass.js";
import { isLoop, type LiveWord, spelling, wordsOf } from "./words.js";

/** Seconds before the end of the settled words from which on a pass' words may be new ones: times waver. */
const OVERLAP = 0.1;
/** Seconds around it in which new words may be settled ones that were timed late, and how many of them. */
const NEAR = 1;
const MOST_TWICE = 5;

/**
 * LocalAgreement-2 (Liu, Spanakis, Niehues, arXiv:2005.11185; for Whisper: Macháček, Dabre, Bojar, arXiv:2307.14743): each
 * pass hears the utterance anew, and words that two passes agree on are settled. Works with any engine. Words are
 * compared by their letters, so that a comma that comes and goes holds nothing up; the newer pass says how they are written.
 */
export class LocalAgreement implements Policy {
  readonly #means: PassMeans;
  #settled: LiveWord[] = [];
  /** What the last pass heard after the settled words. */
  #before: LiveWord[] = [];
  /** As the last pass heard it. */
  #noSpeechProb = 0;
  readonly fullness = 0;
  /** An early pass that agrees with another settles words that were heard half. */
  readonly settlesLate = false;
  steps = 0;
  resets = 0;

  constructor(means: PassMeans) {
    this.#means = means;
  }

  async listen(sound: Sound): Promise<Heard> {
    this.steps++;
    const { segments, detected, reliable } = await passOver(this.#means, sound, false);
    const found = wordsOf(segments, sound.start);
    this.#noSpeechProb = meanOf(segments, "noSpeechProb");
    const about = detected && { detected };
    if (reliable === false || isLoop(found)) {
      this.resets++;
      return { settled: this.#settled, unsettled: this.#before, ...about };
    }
    const words = this.#newOf(found);
    if (isSure(sound, detected)) this.#agree(words);
    else this.#before = words;
    return { settled: this.#settled, unsettled: this.#before, ...about };
  }

  async finish(sound: Sound): Promise<Ending> {
    this.steps++;
    const { segments, detected } = await passOver(this.#means, sound, true);
    const end = sound.start + sound.samples.length / 16_000;
    const found = wordsOf(segments, sound.start);
    const [here, after] = partedAt(this.#settled, end);
    this.#settled = here;
    const words = [...here, ...this.#newOf(found)];
    this.#settled = after;
    this.#before = [];
    const about = { noSpeechProb: meanOf(segments, "noSpeechProb"), ...(detected && { detected }) };
    // What hears all of it and knows more ways to hear it finds nothing: the passes before were misled.
    if (found.length === 0 && here.length > 0) this.resets++;
    return { words: found.length === 0 ? [] : words, ...about };
  }

  forget(): void {
    this.resets++;
    this.#settled = [];
    this.#before = [];
  }

  part(time: number): Ending {
    const [words, after] = partedAt(this.#settled, time);
    this.#settled = after;
    return { words, noSpeechProb: this.#noSpeechProb };
  }

  /** Settles the words that `words` and the pass before have in common. */
  #agree(words: LiveWord[]): void {
    let common = 0;
    while (common < words.length && common < this.#before.length) {
      if (spelling(words[common]!) !== spelling(this.#before[common]!)) break;
      common++;
    }
    this.#settled = [...this.#settled, ...words.slice(0, common)];
    this.#before = words.slice(common);
  }

  /** Words of a pass that are not settled yet, as whisper_streaming's HypothesisBuffer tells them. */
  #newOf(words: readonly LiveWord[]): LiveWord[] {
    const last = this.#settled.at(-1);
    if (!last) return [...words];
    // Where nobody times them, a pass' words are the settled ones again and those after them.
    if (!this.#means.modelRequest.window.wordTimestamps) return words.slice(this.#settled.length);
    const found = words.filter(({ start }) => start > last.end - OVERLAP);
    if (found.length === 0 || Math.abs(found[0]!.start - last.end) >= NEAR) return found;
    const settled = this.#settled.map(spelling);
    const heard = found.map(spelling);
    for (let count = Math.min(MOST_TWICE, settled.length, heard.length); count > 0; count--) {
      const isTwice = heard.slice(0, count).every((word, i) => word === settled[settled.length - count + i]);
      if (isTwice) return found.slice(count);
    }
    return found;
  }
}
