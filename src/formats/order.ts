/** What is shown at one time, in milliseconds. */
interface Shown {
  start: number;
  end: number;
  channel?: number;
}

/** One frame at 50 frames a second: what is shown for less is not shown. */
export const SHORTEST_CUE = 20;

/**
 * Cues in the order in which players expect them: starts never fall, none is shorter than {@link SHORTEST_CUE}, those of
 * a channel come one after the other, and no two have the same times. A cue is shown later rather than not at all.
 * Cues of different channels overlap where the parties speak at once.
 */
export function inOrder<T extends Shown>(cues: readonly T[]): T[] {
  const ends = new Map<number | undefined, number>();
  const taken = new Set<string>();
  const placed = byStart(cues).map((cue) => {
    let start = Math.max(cue.start, ends.get(cue.channel) ?? 0);
    let end = Math.max(cue.end, start + SHORTEST_CUE);
    while (taken.has(`${start}-${end}`)) {
      start += 1;
      end = Math.max(end, start + SHORTEST_CUE);
    }
    taken.add(`${start}-${end}`);
    ends.set(cue.channel, end);
    return { ...cue, start, end };
  });
  return byStart(placed);
}

/** Those that start together stay in the order given. */
function byStart<T extends Shown>(cues: readonly T[]): T[] {
  return [...cues].sort((a, b) => a.start - b.start);
}
