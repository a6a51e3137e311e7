import type { WindowSegment, WindowWord } from "../types/engine.js";
import type { Segment } from "../types/result.js";
import { compressionRatio } from "./compression-ratio.js";
import { trimWhiteSpace } from "./stats.js";

/** A stretch of time in seconds on the recording's clock. */
export interface Span {
  start: number;
  end: number;
}

/** What a word or a segment takes at least, in milliseconds: one frame of the models. */
const SHORTEST = 20;

/**
 * A window's segments on the recording's clock: moved by the window's start, kept inside `window` and after
 * `notBefore`, one after the other, words and segments at least 20 ms long; less only where there is no room for that.
 * A segment with words takes their times. Segments and words without text are left out.
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
  const spoken = segments
    .map((segment) => ({ segment, text: trimWhiteSpace(segment.text), words: spokenWords(segment.words) }))
    .filter(({ text }) => text !== "");
  const spans = spoken.flatMap(({ segment, words }) => (words?.length ? words : [segment]));
  const places = place(spans, window.start, { start: Math.max(window.start, notBefore), end: window.end });
  let next = 0;
  return spoken.map(({ segment, text, words }, index) => {
    const own = places.slice(next, next + Math.max(1, words?.length ?? 0));
    next += own.length;
    return {
      id: firstId + index,
      start: own[0]!.start,
      end: own.at(-1)!.end,
      text,
      confidence: segment.confidence,
      avgLogProb: segment.avgLogProb,
      noSpeechProb: segment.noSpeechProb,
      compressionRatio: compressionRatio(text),
      temperature: segment.temperature,
      ...about,
      ...(segment.tokens.length > 0 && { tokens: segment.tokens }),
      ...(words && {
        words: words.map(({ text, confidence }, word) => ({ ...own[word]!, text, confidence })),
      }),
    };
  });
}

function spokenWords(words: readonly WindowWord[] | undefined): WindowWord[] | undefined {
  return words
    ?.map((word) => ({ ...word, text: trimWhiteSpace(word.text) }))
    .filter(({ text }) => text !== "");
}

/**
 * The spans moved by `offset` seconds, in order, within `bounds`. Computed in whole milliseconds, well below what any
 * model resolves, so that sums print as `12.34`.
 */
function place(spans: readonly Span[], offset: number, bounds: Span): Span[] {
  const low = Math.ceil(bounds.start * 1000 - 1e-6);
  const high = Math.max(low, Math.floor(bounds.end * 1000 + 1e-6));
  if (high - low < SHORTEST * spans.length) return share(spans.length, bounds);
  const placed: Span[] = [];
  let earliest = low;
  for (const span of spans) {
    const start = Math.max(earliest, Math.round((span.start + offset) * 1000));
    const end = Math.max(start + SHORTEST, Math.round((span.end + offset) * 1000));
    placed.push({ start, end });
    earliest = end;
  }
  let latest = high;
  for (const span of placed.toReversed()) {
    span.end = Math.min(span.end, latest);
    span.start = Math.min(span.start, span.end - SHORTEST);
    latest = span.start;
  }
  return placed.map(({ start, end }) => ({ start: start / 1000, end: end / 1000 }));
}

/** Equal parts of what is too short for all. */
function share(count: number, { start, end }: Span): Span[] {
  const room = Math.max(0, end - start);
  const at = (index: number) => start + (room * index) / count;
  return Array.from({ length: count }, (_, index) => ({ start: at(index), end: at(index + 1) }));
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
