/** What a token looks like, for messages. */
export const TOKEN_FORM = "at least 16 printable ASCII characters without blanks";

export function isToken(text: string): boolean {
  return /^[!-~]{16,}$/.test(text);
}
