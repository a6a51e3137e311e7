import type { Segment } from "../types/result.js";
import { codePoints, isUnspaced, singleLine } from "./text.js";

/** A stretch of a segment's text that no line break may divide. */
export interface Piece {
  /** White space between the piece before and this one; empty in scripts that write none. */
  separator: string;
  text: string;
  /** Seconds. */
  start: number;
  end: number;
}

/**
 * Whether a line may end between two pieces: at white space, or where a script has none. A word that was timed in parts
 * (“mother”, “-in-law”) stays whole.
 */
export function isBreak(before: Piece, after: Piece): boolean {
  if (after.separator !== "") return true;
  return isUnspaced(before.text) || isUnspaced(after.text);
}

/**
 * The segment's text in pieces: its words where they were timed, else its text divided at white space, each piece
 * with its share of the segment's time by length.
 *
 * @param width pieces longer than this are divided further where their script separates words without white space
 */
export function piecesOf(segment: Segment, width: number): Piece[] {
  const text = singleLine(segment.text);
  return timedPieces(segment, text) ?? estimatedPieces(segment, text, width);
}

/** Words in the places where the text has them; undefined when words and text do not spell the same. */
function timedPieces(segment: Segment, text: string): Piece[] | undefined {
  if (!segment.words?.length) return undefined;
  const pieces: Piece[] = [];
  let cursor = 0;
  for (const word of segment.words) {
    const wordText = singleLine(word.text);
    const at = text.indexOf(wordText, cursor);
    const separator = text.slice(cursor, at);
    if (at < 0 || separator.trim() !== "") return undefined;
    pieces.push({ separator, text: wordText, start: word.start, end: word.end });
    cursor = at + wordText.length;
  }
  return cursor === text.length ? pieces : undefined;
}

function estimatedPieces(segment: Segment, text: string, width: number): Piece[] {
  const duration = segment.end - segment.start;
  const total = codePoints(text);
  const pieces: Piece[] = [];
  let position = 0;
  for (const token of text.split(" ")) {
    const parts = codePoints(token) > width ? unspacedWords(token) : [token];
    for (const [index, part] of parts.entries()) {
      const separator = index === 0 && pieces.length > 0 ? " " : "";
      const from = position + separator.length;
      position = from + codePoints(part);
      pieces.push({
        separator,
        text: part,
        start: segment.start + (duration * from) / total,
        end: segment.start + (duration * position) / total,
      });
    }
  }
  return pieces;
}

/** Words of Chinese, Japanese, Thai, …; punctuation stays with the word before it, so that no line starts with it. */
function unspacedWords(token: string): string[] {
  const words: string[] = [];
  for (const { segment, isWordLike } of new Intl.Segmenter(undefined, { granularity: "word" }).segment(
    token,
  )) {
    if (isWordLike || words.length === 0) words.push(segment);
    else words[words.length - 1] += segment;
  }
  return words;
}
