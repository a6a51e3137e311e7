/** Characters of a text that is not ours in whatever is answered or logged. */
export const LONGEST_QUOTE = 200;

/**
 * `text`, or its beginning and an ellipsis: what clients choose is told back to them and to the log at a length that we
 * choose. Counted in code points, and without the halves of one, which cannot be sent. A copy, which keeps nothing of a
 * long text in memory.
 */
export function cut(text: string, longest = LONGEST_QUOTE): string {
  // Twice as many units hold as many code points, however long the text is.
  const characters = [...text.slice(0, 2 * longest + 2)];
  const short = characters.length > longest ? `${characters.slice(0, longest).join("")}…` : text;
  return Buffer.from(short).toString();
}
