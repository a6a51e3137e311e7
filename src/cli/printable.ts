/**
 * What a terminal would obey instead of showing it: control characters of C0 and C1, which begin escape sequences, and
 * the controls that reorder text, by which one thing can be made to look like another (CVE-2021-42574). White space
 * that lays out our own messages stays.
 */
const OBEYED = /(?![\n\t])[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** Foreign text – names of files, transcripts, what other programs say – with what a terminal would obey written out. */
export function printable(text: string): string {
  return text.replace(OBEYED, (character) => {
    const code = character.codePointAt(0)!.toString(16);
    return code.length <= 2 ? `\\x${code.padStart(2, "0")}` : `\\u${code.padStart(4, "0")}`;
  });
}
