import { TranscriptionError } from "../errors.js";
import type { Segment } from "../types/result.js";
import type { FormatOptions } from "./options.js";
import { inOrder, SHORTEST_CUE } from "./order.js";
import { isBreak, type Piece, piecesOf } from "./pieces.js";
import { codePoints } from "./text.js";
import { milliseconds } from "./timestamps.js";

/** What subtitles show at one time. */
export interface Cue {
  /** Milliseconds. */
  start: number;
  end: number;
  lines: Piece[][];
  /** The piece that is spoken, with `highlightWords`. */
  highlighted?: Piece;
  channel?: number;
  speaker?: string | null;
}

/**
 * Cues of the segments, in order ({@link inOrder}). A cue never spans segments: they end where the speech does.
 * Lines are filled word by word as openai-whisper's subtitle writers do.
 *
 * @throws TranscriptionError INVALID_ARGUMENT when words are to be highlighted that were not timed
 */
export function cuesOf(segments: readonly Segment[], options: FormatOptions): Cue[] {
  if (options.highlightWords && segments.some((segment) => segment.words === undefined)) {
    throw new TranscriptionError(
      "INVALID_ARGUMENT",
      "highlightWords needs segments with words: transcribe with wordTimestamps: true",
      { option: "highlightWords" },
    );
  }
  const cues = inOrder(segments.flatMap((segment) => layOut(segment, options)));
  return options.highlightWords ? inOrder(cues.flatMap(highlight)) : cues;
}

function layOut(segment: Segment, options: FormatOptions): Cue[] {
  const width = options.maxLineWidth ?? Number.POSITIVE_INFINITY;
  const words = options.maxWordsPerLine ?? Number.POSITIVE_INFINITY;
  const unlimitedLines = options.maxWordsPerLine === undefined ? Number.POSITIVE_INFINITY : 1;
  const lines = fillLines(piecesOf(segment, width), width, words);
  const groups = chunk(lines, options.maxLineCount ?? unlimitedLines);
  return groups.map((group, index) => {
    const start = index === 0 ? segment.start : group[0]![0]!.start;
    const end = index === groups.length - 1 ? segment.end : group.at(-1)!.at(-1)!.end;
    const { channel, speaker } = segment;
    return {
      start: milliseconds(start),
      end: milliseconds(end),
      lines: group,
      ...(channel !== undefined && { channel }),
      ...(speaker !== undefined && { speaker }),
    };
  });
}

function fillLines(pieces: readonly Piece[], width: number, words: number): Piece[][] {
  const lines: Piece[][] = [];
  let line: Piece[] = [];
  let length = 0;
  let count = 0;
  for (const unit of unbreakable(pieces)) {
    const own = unit.reduce((sum, piece, index) => sum + codePoints(textOf(piece, index)), 0);
    const added = codePoints(unit[0]!.separator) + own;
    if (line.length > 0 && (length + added > width || count >= words)) {
      lines.push(line);
      line = [];
      count = 0;
    }
    length = line.length === 0 ? own : length + added;
    count += 1;
    line.push(...unit);
  }
  if (line.length > 0) lines.push(line);
  return lines;
}

/** Pieces in groups that no line break may divide. */
function unbreakable(pieces: readonly Piece[]): Piece[][] {
  const units: Piece[][] = [];
  for (const piece of pieces) {
    const last = units.at(-1);
    if (last && !isBreak(last.at(-1)!, piece)) last.push(piece);
    else units.push([piece]);
  }
  return units;
}

/** The piece with what stands before it, unless it is the first. */
function textOf(piece: Piece, index: number): string {
  return (index > 0 ? piece.separator : "") + piece.text;
}

function chunk<T>(items: T[], size: number): T[][] {
  if (items.length <= size) return items.length > 0 ? [items] : [];
  const chunks: T[][] = [];
  for (let index = 0; index < items.length; index += size) chunks.push(items.slice(index, index + size));
  return chunks;
}

/** The cue once per word while it is spoken, and once plain for every pause, as far as each is long enough to be seen. */
function highlight(whole: Cue): Cue[] {
  const cues: Cue[] = [];
  let last = whole.start;
  const until = (time: number, highlighted?: Piece) => {
    const end = Math.min(time, whole.end);
    if (end - last < SHORTEST_CUE) return;
    cues.push({ ...whole, start: last, end, ...(highlighted && { highlighted }) });
    last = end;
  };
  for (const piece of whole.lines.flat()) {
    until(milliseconds(piece.start));
    until(milliseconds(piece.end), piece);
  }
  until(whole.end);
  if (cues.length === 0) return [whole];
  cues.at(-1)!.end = whole.end;
  return cues;
}

/** The cue's lines, each piece passed through `escapeText`, the spoken one underlined. */
export function cueText(cue: Cue, escapeText: (text: string) => string): string {
  return cue.lines
    .map((line) =>
      line
        .map((piece, index) => {
          const text = escapeText(piece.text);
          return (index > 0 ? piece.separator : "") + (piece === cue.highlighted ? `<u>${text}</u>` : text);
        })
        .join(""),
    )
    .join("\n");
}
