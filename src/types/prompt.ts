/** What a request wants every window, and the first one, to be told before it is heard. */
export interface PromptTexts {
  /** Words to expect, for every window. */
  hotwords: string;
  /** Text that the recording follows on from. */
  initialPrompt: string;
  /** What the first window's own text is to begin with. */
  prefix: string;
}

/** As much of a text as fits. */
export interface FittedText {
  /** The part that fits. */
  text: string;
  /** Its length in tokens. */
  tokens: number;
}

/** As much of the texts as fits into the decoder. */
export interface FittedPrompt {
  /** Their first words. */
  hotwords: FittedText;
  /** Its end. */
  initialPrompt: FittedText;
  /** Its first words. */
  prefix: FittedText;
  /** Tokens that a prompt may have in all. */
  room: number;
}
