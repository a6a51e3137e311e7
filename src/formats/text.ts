import type { Segment } from "../types/result.js";
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

/** What a reader is told of who says it: the speaker where speakers are known, else the channel where those are apart. */
export function voiceLabel(
  { speaker, channel }: Pick<Segment, "speaker" | "channel">,
  options: FormatOptions,
): { speaker: string } | { channel: string } | undefined {
  if (speaker) return { speaker: (channel !== undefined && named(channel, options)) || speaker };
  const label = channelLabel(channel, options);
  return label === undefined ? undefined : { channel: label };
}

/** The channel's name for readers, undefined for a segment of no particular channel. */
export function channelLabel(channel: number | undefined, options: FormatOptions): string | undefined {
  if (channel === undefined) return undefined;
  return named(channel, options) || `channel ${channel}`;
}

/** The name that was given, or "". */
function named(channel: number, options: FormatOptions): string {
  return singleLine(options.channelLabels?.[channel] ?? "");
}
