/**
 * GPT-2's way to write bytes as printable characters, so that a vocabulary is a text: printable Latin-1 characters
 * stand for themselves, the other 68 bytes for the characters from U+0100 on.
 * Source: openai/gpt-2, src/encoder.py, `bytes_to_unicode`.
 */
const BYTES_BY_CHARACTER = new Map<string, number>();

let shifted = 0x100;
for (let byte = 0; byte < 0x100; byte++) {
  const printable =
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
  BYTES_BY_CHARACTER.set(String.fromCharCode(printable ? byte : shifted++), byte);
}

/** The bytes that a token of a vocabulary stands for, or undefined when it is not written in this way. */
export function tokenBytes(token: string): Uint8Array | undefined {
  const bytes = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) {
    const byte = BYTES_BY_CHARACTER.get(token[i]!);
    if (byte === undefined) return undefined;
    bytes[i] = byte;
  }
  return bytes;
}
