import type { Segment } from "../types/result.js";

/**
 * The words of a segment as its text has them: each with the white space before it, so that they make the text when they are
 * joined. Scripts without white space have none. Without `wordTimestamps` there are no words.
 */
export function spacedWords({ text, words = [] }: Pick<Segment, "text" | "words">): string[] {
  let from = 0;
  return words.map((word, index) => {
    const at = text.indexOf(word.text, from);
    // An implementation of somebody's own may spell words otherwise than the text.
    if (at < 0) return (index === 0 ? "" : " ") + word.text;
    const spaced = text.slice(from, at + word.text.length);
    from = at + word.text.length;
    return spaced;
  });
}
