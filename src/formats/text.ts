import type { FormatOptions } from "./options.js";

/** One line: every run of white space and control characters, line breaks included, becomes one space. */
export function singleLine(text: string): string {
  // U+0085, U+2028 and U+2029 end lines for some readers and are not all covered by \s.
  return text.replace(/[\s\p{Cc}]+/gu, " ").trim();
}

/** Length in Unicode code points. */
export function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** The channel's name for readers, undefined for a segment of no particular channel. */
export function channelLabel(channel: number | undefined, options: FormatOptions): string | undefined {
  if (channel === undefined) return undefined;
  return singleLine(options.channelLabels?.[channel] ?? "") || `channel ${channel}`;
}
