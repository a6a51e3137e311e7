import type { Segment } from "../types/result.js";
import type { FormatOptions } from "./options.js";

/** One line: every run of white space and control characters, line breaks included, becomes one space. */
export function singleLine(text: string): string {
  // U+0085, U+2028 and U+2029 end lines for some readers and are not all covered by \s.
  return text.replace(/[\s\p{Cc}]+/gu, " ").trim();
}

/** A character of a script that is written without white space between words. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;

/** Whether some of the text is in a script that is written without white space between words. */
export function isUnspaced(text: string): boolean {
  return UNSPACED.test(text);
}

/** Whether the text begins with such a script. */
export function beginsUnspaced(text: string): boolean {
  return text.search(UNSPACED) === 0;
}

/** Length in Unicode code points. */
export function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** What a reader is told of who says it: the speaker where speakers are known, else the channel where those are apart. */
export function voiceLabel(
  { speaker, channel }: Pick<Segment, "speaker" | "channel">,
  options: FormatOptions,
): { speaker: string } | { channel: string } | undefined {
  if (speaker) return { speaker: channelName(channel, options) || speaker };
  const label = channelLabel(channel, options);
  return label === undefined ? undefined : { channel: label };
}

/** The channel's name for readers, undefined for a segment of no particular channel. */
export function channelLabel(channel: number | undefined, options: FormatOptions): string | undefined {
  if (channel === undefined) return undefined;
  return channelName(channel, options) || `channel ${channel}`;
}

/** The name that was given to the channel, or "". */
export function channelName(channel: number | undefined, options: FormatOptions): string {
  return channel === undefined ? "" : singleLine(options.channelLabels?.[channel] ?? "");
}
