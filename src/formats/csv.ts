import type { Segment } from "../types/result.js";
import type { FormatOptions } from "./options.js";
import { inOrder } from "./order.js";
import { channelLabel, singleLine } from "./text.js";
import { milliseconds } from "./timestamps.js";

/**
 * Comma-separated, as whisper.cpp's `--output-csv`: whole milliseconds, and the text in quotes (RFC 4180). Further
 * columns name the channel and the speaker where there are any.
 */
export function writeCsv(segments: readonly Segment[], options: FormatOptions): string {
  const withChannels = segments.some((segment) => segment.channel !== undefined);
  const withSpeakers = segments.some((segment) => segment.speaker !== undefined);
  const timed = segments.map((segment) => ({
    ...segment,
    start: milliseconds(segment.start),
    end: milliseconds(segment.end),
  }));
  const rows = inOrder(timed).map((segment) => {
    const row = [String(segment.start), String(segment.end), quoted(singleLine(segment.text))];
    if (withChannels) row.push(quoted(channelLabel(segment.channel, options) ?? ""));
    if (withSpeakers) row.push(quoted(segment.speaker ?? ""));
    return row;
  });
  const header = [
    "start",
    "end",
    "text",
    ...(withChannels ? ["channel"] : []),
    ...(withSpeakers ? ["speaker"] : []),
  ];
  return [header, ...rows].map((row) => `${row.join(",")}\n`).join("");
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}
