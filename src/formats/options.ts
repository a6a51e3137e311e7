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

const KNOWN_OPTIONS: ReadonlySet<string> = new Set<keyof FormatOptions>([
  "maxLineWidth",
  "maxLineCount",
  "maxWordsPerLine",
  "highlightWords",
  "channelLabels",
]);

/** @throws TranscriptionError INVALID_ARGUMENT */
export function checkFormat(format: unknown): asserts format is OutputFormat {
  if (!(OUTPUT_FORMATS as readonly unknown[]).includes(format)) {
    throw invalidArgument("format", `one of ${OUTPUT_FORMATS.join(", ")}`, format);
  }
}

/** @throws TranscriptionError INVALID_ARGUMENT */
export function checkFormatOptions(options: FormatOptions): void {
  for (const key of Object.keys(options)) {
    if (!KNOWN_OPTIONS.has(key)) {
      throw invalidArgument("format options", `only ${[...KNOWN_OPTIONS].join(", ")}`, key);
    }
  }
  for (const name of ["maxLineWidth", "maxLineCount", "maxWordsPerLine"] as const) {
    const value = options[name];
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= 1)) {
      throw invalidArgument(name, "a whole number of at least 1", value);
    }
  }
  if (options.highlightWords !== undefined && typeof options.highlightWords !== "boolean") {
    throw invalidArgument("highlightWords", "true or false", options.highlightWords);
  }
  const labels: unknown = options.channelLabels;
  if (
    labels !== undefined &&
    !(Array.isArray(labels) && labels.every((label) => typeof label === "string"))
  ) {
    throw invalidArgument("channelLabels", "a list of strings", labels);
  }
}
