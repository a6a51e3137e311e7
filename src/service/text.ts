/** Characters of a text that is not ours in whatever is answered or logged. */
export const LONGEST_QUOTE = 200;

/**
 * `text`, or its beginning and an ellipsis: what clients choose is told back to them and to the log at a length that we
 * choose. Counted in code points, and without the halves of one, which cannot be sent.
 */
export function cut(text: string, longest = LONGEST_QUOTE): string {
  const whole = text.length <= longest ? text : cutLong(text, longest);
  return whole.replace(/\p{Surrogate}/gu, "\u{fffd}");
}

function cutLong(text: string, longest: number): string {
  // Twice as many units hold as many code points, however long the text is.
  const characters = [...text.slice(0, 2 * longest + 2)];
  return characters.length > longest ? `${characters.slice(0, longest).join("")}…` : text;
}
