import type { Segment } from "../types/result.js";
import type { FormatOptions } from "./options.js";
import { inOrder } from "./order.js";
import { channelLabel, singleLine } from "./text.js";
import { milliseconds } from "./timestamps.js";

/** The segment with its times in whole milliseconds. */
export function timed(segment: Segment): Segment {
  return { ...segment, start: milliseconds(segment.start), end: milliseconds(segment.end) };
}

/**
 * Segments in rows, under a header: start and end in whole milliseconds, the text, and further columns for the channel
 * and the speaker where there are any.
 * @param mark between cells
 * @param cell how a text is written in one
 */
function tableOf(
  segments: readonly Segment[],
  options: FormatOptions,
  mark: string,
  cell: (text: string) => string,
): string {
  const withChannels = segments.some(({ channel }) => channel !== undefined);
  const withSpeakers = segments.some(({ speaker }) => speaker !== undefined);
  const columns = <T>(start: T, end: T, text: T, channel: T, speaker: T): T[] => [
    start,
    end,
    text,
    ...(withChannels ? [channel] : []),
    ...(withSpeakers ? [speaker] : []),
  ];
  const header = columns("start", "end", "text", "channel", "speaker");
  const rows = inOrder(segments.map(timed)).map((segment) =>
    columns(
      String(segment.start),
      String(segment.end),
      cell(singleLine(segment.text)),
      cell(channelLabel(segment.channel, options) ?? ""),
      cell(segment.speaker ?? ""),
    ),
  );
  return [header, ...rows].map((row) => `${row.join(mark)}\n`).join("");
}

/** Tab-separated, as openai-whisper's. */
export function writeTsv(segments: readonly Segment[], options: FormatOptions): string {
  return tableOf(segments, options, "\t", (text) => text);
}

/** Comma-separated, as whisper.cpp's `--output-csv`, with texts in quotes (RFC 4180). */
export function writeCsv(segments: readonly Segment[], options: FormatOptions): string {
  return tableOf(segments, options, ",", (text) => `"${text.replaceAll('"', '""')}"`);
}
