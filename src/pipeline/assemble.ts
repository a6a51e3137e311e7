import type { WindowSegment, WindowWord } from "../engine/types.js";
import type { Segment, Word } from "../result.js";
import { compressionRatio } from "./compression-ratio.js";

/** A stretch of time in seconds on the recording's clock. */
export interface Span {
  start: number;
  end: number;
}

/**
 * A window's segments on the recording's clock: moved by the window's start, kept inside `window` and after
 * `notBefore`, never running backwards. Segments without text are left out.
 *
 * @param firstId id of the first segment
 * @param about what to note in each segment
 */
export function placeSegments(
  segments: readonly WindowSegment[],
  window: Span,
  notBefore: number,
  firstId: number,
  about: Pick<Segment, "channel" | "language"> = {},
): Segment[] {
  const placed: Segment[] = [];
  let low = Math.max(window.start, notBefore);
  for (const segment of segments) {
    const text = segment.text.trim();
    if (text === "") continue;
    const span = place(segment, window.start, { start: low, end: window.end });
    low = span.end;
    placed.push({
      id: firstId + placed.length,
      ...span,
      text,
      confidence: segment.confidence,
      avgLogProb: segment.avgLogProb,
      noSpeechProb: segment.noSpeechProb,
      compressionRatio: compressionRatio(text),
      temperature: segment.temperature,
      ...about,
      ...(segment.tokens.length > 0 && { tokens: segment.tokens }),
      ...(segment.words && { words: placeWords(segment.words, window.start, span) }),
    });
  }
  return placed;
}

function placeWords(words: readonly WindowWord[], offset: number, bounds: Span): Word[] {
  const placed: Word[] = [];
  let low = bounds.start;
  for (const word of words) {
    const text = word.text.trim();
    if (text === "") continue;
    const span = place(word, offset, { start: low, end: bounds.end });
    low = span.end;
    placed.push({ ...span, text, confidence: word.confidence });
  }
  return placed;
}

function place(span: Span, offset: number, bounds: Span): Span {
  const start = clamp(toMilliseconds(span.start + offset), bounds.start, bounds.end);
  return { start, end: clamp(toMilliseconds(span.end + offset), start, bounds.end) };
}

/** Rounds to whole milliseconds, well below what any model resolves, so that sums print as `12.34`. */
function toMilliseconds(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), Math.max(low, high));
}

/** Segments of all channels in order of start, numbered anew from 0; those that start together stay in channel order. */
export function interleave(channels: ReadonlyArray<readonly Segment[]>): Segment[] {
  return channels
    .flat()
    .sort((a, b) => a.start - b.start)
    .map((segment, id) => ({ ...segment, id }));
}

/** Texts of the segments, joined with one space. */
export function joinTexts(segments: readonly Segment[]): string {
  return segments.map((segment) => segment.text).join(" ");
}
