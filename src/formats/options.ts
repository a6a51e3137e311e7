import { boolean, type Checks, checkOptions, integer, listOf, text } from "../config/checks.js";
import { MAX_CHANNELS } from "../config/limits.js";
import { invalidArgument } from "../errors.js";

/** Formats that a transcript can be written in; each is also its file extension. */
export const OUTPUT_FORMATS = ["txt", "json", "srt", "vtt", "tsv", "lrc"] as const;

export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/** How a transcript is laid out. Line options concern `srt` and `vtt`. */
export interface FormatOptions {
  /** Characters (code points) in a line, at least 1; only a longer word exceeds it. Default: no limit. */
  maxLineWidth?: number;
  /** Lines on the screen at once, at least 1. Default: 1 with `maxWordsPerLine`, else no limit. */
  maxLineCount?: number;
  /** Words in a line, at least 1. Default: no limit. */
  maxWordsPerLine?: number;
  /** Underline each word while it is spoken. Needs segments with words. Default false. */
  highlightWords?: boolean;
  /** Names of the channels of a result with `channels: "each"`, by index. Default `channel 0`, `channel 1`, … */
  channelLabels?: readonly string[];
}

const LENGTH = integer(1, Number.MAX_SAFE_INTEGER);

const FORMAT_CHECKS: Checks<FormatOptions> = {
  maxLineWidth: LENGTH,
  maxLineCount: LENGTH,
  maxWordsPerLine: LENGTH,
  highlightWords: boolean,
  channelLabels: listOf(text(0, 1000), 0, MAX_CHANNELS),
};

/** @throws TranscriptionError INVALID_ARGUMENT */
export function checkFormat(format: unknown): asserts format is OutputFormat {
  if (!(OUTPUT_FORMATS as readonly unknown[]).includes(format)) {
    throw invalidArgument("format", `one of ${OUTPUT_FORMATS.join(", ")}`, format);
  }
}

/** @throws TranscriptionError INVALID_ARGUMENT */
export function checkFormatOptions(options: FormatOptions): void {
  checkOptions("options", options, FORMAT_CHECKS);
}
