import { TranscriptionError } from "../errors.js";
import type { Engine } from "../types/engine.js";
import type { LiveStepResult, LiveToken } from "../types/live-step.js";
import { LocalAgreement } from "./local-agreement.js";
import { type Ending, type Heard, isSure, type Policy, type Sound } from "./policy.js";
import { type PassMeans, whenThereIsRoom } from "./window-pass.js";
import { beforeLoop, isLoop, type LiveWord } from "./words.js";

/** An engine whose steps tell what stands. */
export type FollowingEngine = Engine & Required<Pick<Engine, "liveStep" | "liveWords">>;

/**
 * Seconds before the end of the sound in which words do not stand yet, though they are shown, and seconds that have to be
 * heard before any do. SimulStreaming has 0.5 and 0, so that what stands is soon told: but a word is heard better with
 * what follows it, and what was wrong at the beginning misleads all that is forced to go on from it. With real Whisper base
 * and 0.5, LibriSpeech's “There's iron they say” stood as “Desire and they say”.
 */
const FRONTIER = 2;
const LEAST_HEARD = 6;

/** Words less probable than this stay open for longer: so many seconds after they were spoken. */
const UNSURE = 0.4;
const UNSURE_FOR = 4;

/** Seconds behind what a VAD takes for speech in which a word may still sound. */
const SOFT_END = 0.1;

/** A text less probable, of a sound that is probably no speech, is invented: openai-whisper's thresholds. */
const NO_SPEECH = 0.6;
const IMPROBABLE = -1;

/** Seconds of speech behind the last word from which on a pass has ended too early: what stands can make it. */
const UNHEARD = 1;

/** Share of the decoder's context that what stands may take; the rest is for the prompt and for what is to be written. */
const MOST_FORCED = 0.5;
/** Share at which the utterance is to be parted: a step may write much at once. */
const FULL = 0.4;

/**
 * AlignAtt (Papi, Turchi, Negri, arXiv:2305.11408; for Whisper: Wang et al., arXiv:2406.10052): a pass writes on from
 * what stands, and stops where the model listens to the end of the sound. What it has written by then stands.
 * An utterance of which a pass goes wrong at its end is heard once more, as a window of a recording.
 */
export class AlignAtt implements Policy {
  readonly #means: PassMeans & { engine: FollowingEngine };
  readonly #interim: boolean;
  readonly #prompt: string;
  /** What stands. Times are on the stream's clock. */
  #tokens: LiveToken[] = [];
  #tail: readonly LiveToken[] = [];
  /** As the last pass heard them. */
  #noSpeechProb = 0;
  #language = "";
  readonly settlesLate = true;
  steps = 0;
  resets = 0;

  /** @param interim whether what does not stand yet is of interest */
  constructor(means: PassMeans & { engine: FollowingEngine }, interim: boolean) {
    this.#means = means;
    this.#interim = interim;
    const { hotwords, initialPrompt } = means.modelRequest.window;
    this.#prompt = [hotwords, initialPrompt].filter(Boolean).join(" ");
  }

  get fullness(): number {
    return this.#tokens.length / (FULL * this.#means.engine.model.textContext);
  }

  async listen(sound: Sound): Promise<Heard> {
    const end = endOfSpeech(sound);
    if (!this.#hasRoom(this.#tokens))
      return { settled: this.#wordsOf(this.#tokens, end, this.#language), unsettled: [] };
    const step = await this.#step(sound, this.#tokens, false);
    const detected: Pick<Heard, "detected"> = sound.language === undefined ? detectedIn(step) : {};
    const language = sound.language ?? step.language;
    this.#noSpeechProb = step.noSpeechProb;
    this.#language = language;
    if (step.rewound) {
      this.resets++;
      this.#tail = [];
    } else {
      const written = step.tokens.map(onClock(sound.start));
      const heardTo = sound.start + sound.samples.length / 16_000;
      const maySettle = isSure(sound, detected.detected) && heardTo - sound.start >= LEAST_HEARD;
      const count = maySettle ? sureTokens(written, heardTo - UNSURE_FOR) : 0;
      this.#tokens = [...this.#tokens, ...written.slice(0, count)];
      this.#tail = [...written.slice(count), ...step.tail.map(onClock(sound.start))];
    }
    if (isLoop(this.#wordsOf(this.#tokens, end, language))) {
      this.resets++;
      this.#tokens = [];
      this.#tail = [];
    }
    const all = this.#wordsOf([...this.#tokens, ...this.#tail], end, language);
    const words = beforeLoop(all);
    // A loop is no draft of what follows.
    if (words.length < all.length) this.#tail = [];
    const count = this.#wordsOf(this.#tokens, end, language).length;
    return { settled: words.slice(0, count), unsettled: words.slice(count), ...detected };
  }

  async finish(sound: Sound): Promise<Ending> {
    const end = sound.start + sound.samples.length / 16_000;
    const here = this.#tokens.filter(({ start }) => start < end);
    const after = this.#tokens.slice(here.length);
    this.#tail = this.#tail.filter(({ start }) => start < end);
    if (!this.#hasRoom(here)) {
      this.#tokens = after;
      return this.#hearAnew(sound);
    }
    const step = await this.#step(sound, here, true);
    this.#tokens = after;
    this.#tail = [];
    const language = sound.language ?? step.language;
    const tokens = [...here, ...step.tokens.map(onClock(sound.start))];
    const words = this.#wordsOf(tokens, endOfSpeech(sound), language);
    const detected: Pick<Ending, "detected"> = sound.language === undefined ? detectedIn(step) : {};
    const isImprobable = meanLogProb(tokens) < IMPROBABLE;
    // With temperatures and guards that steps do not have.
    const isWrong = step.rewound || isLoop(words) || (isImprobable && here.length === 0);
    if (isWrong || (words.length > 0 && spokenAfter(sound, words.at(-1)!.end) > UNHEARD))
      return { ...(await this.#hearAnew({ ...sound, language })), ...detected };
    const { noSpeechProb } = step;
    const isInvented = noSpeechProb > NO_SPEECH && isImprobable;
    if (isInvented) this.resets++;
    return {
      words: isInvented ? [] : words,
      noSpeechProb,
      ...detected,
    };
  }

  forget(): void {
    this.resets++;
    this.#tokens = [];
    this.#tail = [];
  }

  part(time: number): Ending {
    const count = this.#tokens.filter(({ start }) => start < time).length;
    const tokens = this.#tokens.slice(0, count);
    this.#tokens = this.#tokens.slice(count);
    return { words: this.#wordsOf(tokens, time, this.#language), noSpeechProb: this.#noSpeechProb };
  }

  async #step(sound: Sound, standing: readonly LiveToken[], final: boolean): Promise<LiveStepResult> {
    this.steps++;
    const { engine, modelRequest, signal } = this.#means;
    const { samples, language } = sound;
    const request = {
      samples: samples.slice(),
      language,
      task: modelRequest.window.task,
      prompt: this.#prompt === "" ? undefined : this.#prompt,
      forced: standing.map(({ id }) => id),
      expected: this.#tail.map(({ id }) => id),
      frontier: final ? 0 : FRONTIER,
      final,
      tail: !final && this.#interim,
    };
    try {
      return await whenThereIsRoom(signal, () => engine.liveStep(request, signal));
    } catch (error) {
      throw TranscriptionError.from(error);
    }
  }

  #hasRoom(standing: readonly LiveToken[]): boolean {
    return standing.length <= MOST_FORCED * this.#means.engine.model.textContext;
  }

  async #hearAnew(sound: Sound): Promise<Ending> {
    this.resets++;
    const reference = new LocalAgreement(this.#means);
    const ending = await reference.finish(sound);
    this.steps += reference.steps;
    return ending;
  }

  #wordsOf(tokens: readonly LiveToken[], end: number, language: string): LiveWord[] {
    if (tokens.length === 0) return [];
    return this.#means.engine
      .liveWords(tokens, end, language)
      .map((word) => ({ ...word, logProb: Math.log(Math.max(word.confidence, 1e-6)) }));
  }
}

/** How many tokens there are before the first word that is unsure and was spoken after `time`. */
function sureTokens(tokens: readonly LiveToken[], time: number): number {
  let count = tokens.findIndex(({ probability, start }) => probability < UNSURE && start > time);
  if (count < 0) return tokens.length;
  // The word may have begun before.
  while (count > 0 && isWithinWord(tokens[count - 1]!.text, tokens[count]!.text)) count--;
  return count;
}

/** Whether a token goes on with the word of the one before it. Tokens of half a character have no text. */
function isWithinWord(before: string, text: string): boolean {
  return text === "" || (/^[^\s\p{P}]/u.test(text) && !/[\s\p{P}]$/u.test(before));
}

/** Seconds on the stream's clock. The last word ends with the speech, not with the silence that ended it. */
function endOfSpeech({ start, samples, spoken }: Sound): number {
  const end = samples.length / 16_000;
  return start + Math.min(end, (spoken.at(-1)?.end ?? end) + SOFT_END);
}

/** Seconds of speech after `time`. */
function spokenAfter({ spoken, start }: Sound, time: number): number {
  return spoken.reduce(
    (sum, { end, start: from }) => sum + Math.max(0, end - Math.max(from, time - start)),
    0,
  );
}

function onClock(offset: number): (token: LiveToken) => LiveToken {
  return (token) => ({ ...token, start: token.start + offset });
}

function detectedIn({ language, languageProbability }: LiveStepResult): Pick<Heard, "detected"> {
  return language === "" ? {} : { detected: { language, probability: languageProbability } };
}

function meanLogProb(tokens: readonly LiveToken[]): number {
  const sum = tokens.reduce((total, { probability }) => total + Math.log(Math.max(probability, 1e-6)), 0);
  return sum / Math.max(1, tokens.length);
}
