import type { Segment, Word } from "../types/result.js";
import type { SpeakerTurn } from "../types/speakers.js";

/** Seconds to the nearest turn from which on a word without one is nobody's. */
const FAR = 1;
/** A word that is at least so much inside its turn stays with it, whatever its neighbours are. */
const SURE = 0.5;
/** Seconds of pause on both sides that make a lone word a reply. */
const REPLY_PAUSE = 0.3;

interface Given {
  speaker: string | null;
  /** Share of the word's time in which the speaker is heard, 0 to 1. */
  share: number;
}

/** What segments are labelled with. */
export interface Label {
  speaker: string | null;
  speakerConfidence: number;
}

/**
 * Segments with the speakers of their words, cut where the speaker changes. A word is whose turn it lies in for the most
 * part; one outside of all turns is whose the nearest within a second is; a lone word between words of one other speaker
 * goes to that one, unless it lies well inside a turn or between pauses, as replies do.
 *
 * @param turns one speaker at a time, by start
 */
export function labelSegments(
  segments: readonly Segment[],
  turns: readonly SpeakerTurn[],
): (Segment & Label)[] {
  const seek = seeker(turns);
  const words = segments.flatMap((segment) => segment.words ?? []);
  const given = new Map(words.map((word) => [word, seek(word)]));
  smooth(words, given);
  const labelled = segments.flatMap((segment) =>
    segment.words?.length ? cut(segment, segment.words, given) : [{ ...segment, ...labelOf(seek(segment)) }],
  );
  return labelled.map((segment, id) => ({ ...segment, id }));
}

function labelOf({ speaker, share }: Given): Label {
  return { speaker, speakerConfidence: Math.round(share * 1000) / 1000 };
}

/** Finds whose a stretch of time is; stretches are asked for in order of start, or nearly so. */
function seeker(turns: readonly SpeakerTurn[]) {
  let first = 0;
  return ({ start, end }: { start: number; end: number }): Given => {
    while (first > 0 && turns[first - 1]!.end > start - FAR) first--;
    while (first < turns.length && turns[first]!.end < start - FAR) first++;
    const shares = new Map<string, number>();
    let nearest: { speaker: string; distance: number } | undefined;
    for (let i = first; i < turns.length && turns[i]!.start <= end + FAR; i++) {
      const turn = turns[i]!;
      const overlap = Math.min(end, turn.end) - Math.max(start, turn.start);
      if (overlap > 0)
        shares.set(turn.speaker, (shares.get(turn.speaker) ?? 0) + overlap * Math.max(turn.confidence, 0.01));
      const distance = Math.max(0, -overlap);
      if (distance <= FAR && (!nearest || distance < nearest.distance))
        nearest = { speaker: turn.speaker, distance };
    }
    const [best] = [...shares].sort(([, a], [, b]) => b - a);
    if (best) return { speaker: best[0], share: Math.min(1, best[1] / Math.max(end - start, 0.001)) };
    return { speaker: nearest?.speaker ?? null, share: 0 };
  };
}

/** Gives lone words to the speaker around them. */
function smooth(words: readonly Word[], given: ReadonlyMap<Word, Given>): void {
  for (let i = 1; i + 1 < words.length; i++) {
    const [before, word, after] = [words[i - 1]!, words[i]!, words[i + 1]!];
    const own = given.get(word)!;
    const around = given.get(before)!.speaker;
    if (around === null || around === own.speaker || around !== given.get(after)!.speaker) continue;
    const isReply = word.start - before.end >= REPLY_PAUSE && after.start - word.end >= REPLY_PAUSE;
    if (own.speaker !== null && (own.share >= SURE || isReply)) continue;
    Object.assign(own, { speaker: around, share: 0 });
  }
}

/** A segment in parts of one speaker each. */
function cut(segment: Segment, words: readonly Word[], given: ReadonlyMap<Word, Given>): (Segment & Label)[] {
  const groups: Word[][] = [];
  for (const word of words) {
    const last = groups.at(-1);
    if (last && given.get(last[0]!)!.speaker === given.get(word)!.speaker) last.push(word);
    else groups.push([word]);
  }
  const texts = textsOf(segment.text, groups);
  return groups.map((group, index) => {
    const seconds = group.reduce((sum, { start, end }) => sum + end - start, 0);
    const share = group.reduce((sum, word) => sum + given.get(word)!.share * (word.end - word.start), 0);
    const { tokens, ...rest } = segment;
    const isWhole = groups.length === 1;
    return {
      ...rest,
      ...(isWhole && tokens && { tokens }),
      ...(!isWhole && {
        start: group[0]!.start,
        end: group.at(-1)!.end,
        text: texts[index]!,
        confidence: group.reduce((sum, { confidence }) => sum + confidence, 0) / group.length,
      }),
      words: group.map((word) => ({ ...word, ...labelOf(given.get(word)!) })),
      ...labelOf({ speaker: given.get(group[0]!)!.speaker, share: share / Math.max(seconds, 0.001) }),
    };
  });
}

/** The part of the text that each group of words spells; words alone where text and words differ. */
function textsOf(text: string, groups: readonly (readonly Word[])[]): string[] {
  const starts: number[] = [];
  let position = 0;
  for (const group of groups) {
    for (const [index, word] of group.entries()) {
      const at = text.indexOf(word.text, position);
      if (at < 0 || text.slice(position, at).trim() !== "")
        return groups.map((words) => words.map((each) => each.text).join(" "));
      if (index === 0) starts.push(at);
      position = at + word.text.length;
    }
  }
  return starts.map((start, i) => text.slice(start, starts[i + 1]).trim());
}
