import { boolean, type Checks, checkOptions, integer, listOf, text } from "../config/checks.js";
import { MAX_CHANNELS } from "../config/limits.js";
import { invalidArgument } from "../errors.js";

/** Formats that a transcript can be written in. */
export const OUTPUT_FORMATS = [
  "txt",
  "json",
  "srt",
  "vtt",
  "tsv",
  "lrc",
  "csv",
  "verbose_json",
  "whisperx",
  "rttm",
] as const;

/** What a transcript can be written as; `formatResult` tells what each is. */
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/** Those that hold a result, not its segments alone. */
const OF_RESULTS = ["json", "verbose_json", "whisperx", "rttm"] as const satisfies readonly OutputFormat[];
/** Formats that hold a whole result. */
export type ResultFormat = (typeof OF_RESULTS)[number];

export function isResultFormat(format: OutputFormat): format is ResultFormat {
  return (OF_RESULTS as readonly OutputFormat[]).includes(format);
}

/** Endings of files that are not called after their format, since they are JSON. */
const EXTENSIONS: Partial<Record<OutputFormat, string>> = {
  verbose_json: "verbose.json",
  whisperx: "whisperx.json",
};

/** Ending of a file in a format, without dot. @throws TranscriptionError INVALID_ARGUMENT */
export function extensionOf(format: OutputFormat): string {
  checkFormat(format);
  return EXTENSIONS[format] ?? format;
}

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
  /** What the recording is called in `rttm`, white space becoming `_`. Default `"recording"`. */
  recording?: string;
}

const LENGTH = integer(1, Number.MAX_SAFE_INTEGER);

const FORMAT_CHECKS: Checks<FormatOptions> = {
  maxLineWidth: LENGTH,
  maxLineCount: LENGTH,
  maxWordsPerLine: LENGTH,
  highlightWords: boolean,
  channelLabels: listOf(text(0, 1000), 0, MAX_CHANNELS),
  recording: text(0, 4096),
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
