/** What a request wants every window, and the first one, to be told before it is heard. */
export interface PromptTexts {
  hotwords: string;
  initialPrompt: string;
  /** What the first window's own text is to begin with. */
  prefix: string;
}

/** As much of a text as fits. */
export interface FittedText {
  text: string;
  tokens: number;
}

/** As much of the texts as fits into the decoder. */
export interface FittedPrompt {
  hotwords: FittedText;
  initialPrompt: FittedText;
  prefix: FittedText;
  /** Tokens that a prompt may have in all. */
  room: number;
}
