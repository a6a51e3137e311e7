/** Seconds of speech from which on a language that is likely is kept, and those from which on any is. */
const ENOUGH_SPEECH = 2;
const MUCH_SPEECH = 6;
/** Probability from which on a language is likely. */
const LIKELY = 0.5;
/** Probability above which another language takes the place of the one that was kept. */
const SURE = 0.8;

/** What a pass took the language for. */
export interface Detected {
  language: string;
  probability: number;
}

/** The language of a channel: given, or detected as soon as there is enough speech to tell, and again in each utterance. */
export class SpokenLanguage {
  readonly #isDetected: boolean;
  #kept: string | undefined;
  #told: string | undefined;

  /** @param given undefined: to be detected */
  constructor(given: string | undefined) {
    this.#isDetected = given === undefined;
    this.#kept = given;
  }

  /** What passes are to take it for; undefined: they detect it. */
  get kept(): string | undefined {
    return this.#kept;
  }

  /** The last that was kept or told; empty before that. */
  get current(): string {
    return this.#kept ?? this.#told ?? "";
  }

  /** Whether an utterance with so many seconds of speech may tell that another one is spoken now. */
  mayChange(speech: number): boolean {
    return this.#isDetected && this.#kept !== undefined && speech >= ENOUGH_SPEECH;
  }

  /**
   * Counts what a pass took it for.
   * @param speech seconds of speech so far @param isEnd the utterance is over, and its text is in this language
   * @returns what is to be told, if it is news
   */
  note({ language, probability }: Detected, speech: number, isEnd: boolean): Detected | undefined {
    if (language === "" || !this.#isDetected) return undefined;
    if (this.#kept !== undefined) {
      if (language === this.#kept || probability <= SURE) return undefined;
      this.#kept = language;
    } else if (speech >= MUCH_SPEECH || (speech >= ENOUGH_SPEECH && probability >= LIKELY)) {
      this.#kept = language;
    } else if (!isEnd) {
      return undefined;
    }
    if (this.#told === language) return undefined;
    this.#told = language;
    return { language, probability };
  }
}
