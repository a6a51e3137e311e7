/** How a language model writes: options of implementations that have one. */
export interface GenerationOptions {
  /** Only so many of the most probable tokens are drawn from; 0 for all. */
  topK: number;
  /** Only the most probable tokens that make up so much are drawn from. */
  topP: number;
  /** Empty: the one that the model was trained with. */
  systemPrompt: string;
  userPrompt: string;
}
