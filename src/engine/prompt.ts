import type { FittedPrompt, FittedText, PromptTexts } from "../types/prompt.js";

/** How GPT-2's tokenizer splits a text before it encodes the pieces (openai/gpt-2, encoder.py). */
const PIECES = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;
/** Longer pieces are counted in parts, so that no more of a text is looked at than can be used. */
const LONGEST_PART = 64;
/** Characters a token of a long text; what is beyond as many as that would be is not looked at. */
const MOST_PER_TOKEN = 32;

/** Tokens of a piece of text as {@link splitPieces} makes them. */
export type CountTokens = (piece: string) => number;

/** The pieces of `text`, as Whisper puts it into a prompt: after one space. */
export function splitPieces(text: string): string[] {
  return text === "" ? [] : (` ${text.trim()}`.match(PIECES) ?? []);
}

/**
 * The first of the hotwords and the last of the initial prompt that fit into `room` tokens together. Where both are too
 * long each has a half. The first window is given no hotwords but the first of the prefix, before which the others stand.
 */
export function fitPrompt(texts: PromptTexts, room: number, count: CountTokens): FittedPrompt {
  const prefix = firstThatFit(texts.prefix, room, count);
  const whole = lastThatFit(texts.initialPrompt, room - prefix.tokens, count);
  const hotwords = firstThatFit(texts.hotwords, room - Math.min(whole.tokens, Math.floor(room / 2)), count);
  const initialPrompt =
    whole.tokens + hotwords.tokens <= room
      ? whole
      : lastThatFit(texts.initialPrompt, room - hotwords.tokens, count);
  return { hotwords, initialPrompt, prefix, room };
}

/** The beginning of `text` that takes at most `room` tokens: whole words, as long as there is one. */
export function firstThatFit(text: string, room: number, count: CountTokens): FittedText {
  const parts = splitParts(text.trim().slice(0, room * MOST_PER_TOKEN));
  return take(parts, room, count, (kept) => {
    const next = parts[kept.length];
    const isCut = kept.length < parts.length && !startsWord(next!);
    const end = isCut ? kept.findLastIndex(startsWord) : kept.length;
    return end > 0 ? kept.slice(0, end) : kept;
  });
}

/** The end of `text` that takes at most `room` tokens: whole words, as long as there is one. */
export function lastThatFit(text: string, room: number, count: CountTokens): FittedText {
  const parts = splitParts(tail(text.trim(), room * MOST_PER_TOKEN)).reverse();
  return take(parts, room, count, (kept) => {
    const begin = kept.findLastIndex(startsWord);
    return (begin >= 0 ? kept.slice(0, begin + 1) : [...kept]).reverse();
  });
}

/** As many of `parts` as take `room` tokens, those that `choose` leaves, in the order that it has them in. */
function take(
  parts: readonly string[],
  room: number,
  count: CountTokens,
  choose: (kept: string[]) => string[],
): FittedText {
  const counts = new Map<string, number>();
  const costOf = (part: string): number => {
    const cost = counts.get(part) ?? count(part);
    counts.set(part, cost);
    return cost;
  };
  const kept: string[] = [];
  let left = room;
  for (const part of parts) {
    left -= costOf(part);
    if (left < 0) break;
    kept.push(part);
  }
  const chosen = choose(kept);
  return { text: chosen.join("").trim(), tokens: chosen.reduce((sum, part) => sum + costOf(part), 0) };
}

/** Pieces, the longest ones in parts between code points. */
function splitParts(text: string): string[] {
  return splitPieces(text).flatMap((piece) =>
    piece.length <= LONGEST_PART ? [piece] : (piece.match(/.{1,32}/gsu) ?? []),
  );
}

function startsWord(part: string): boolean {
  return /^\s/.test(part);
}

/** The last `length` characters, from a whole code point on. */
function tail(text: string, length: number): string {
  const end = length < text.length ? text.slice(-length) : text;
  return /^[\udc00-\udfff]/.test(end) ? end.slice(1) : end;
}
