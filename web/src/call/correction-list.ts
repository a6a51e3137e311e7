import type { Correction } from "../../../src/types/corrections.js";

/** Somebody else has written a segment meanwhile. */
export class WrittenOtherwise extends Error {
  constructor(
    /** As it is now. */
    readonly text: string,
  ) {
    super(text);
  }
}

export function endsWith(list: readonly Correction[], tail: readonly Correction[]): boolean {
  return JSON.stringify(list.slice(Math.max(0, list.length - tail.length))) === JSON.stringify(tail);
}

/**
 * `added` behind `now`. A text is all of its segment's, so that one which nobody has seen here would be lost to it.
 * @param known what was seen when it was written, and what was written here
 * @throws WrittenOtherwise
 */
export function withAdded(
  now: readonly Correction[],
  added: readonly Correction[],
  known: readonly Correction[],
): readonly Correction[] {
  const texts = new Set(known.map((each) => JSON.stringify(each)));
  for (const correction of added) {
    if (correction.op !== "text") continue;
    const last = now.findLast((each) => each.op === "text" && each.segment === correction.segment);
    if (last?.op === "text" && !texts.has(JSON.stringify(last))) throw new WrittenOtherwise(last.text);
  }
  return [...now, ...added];
}

/** What `changes` make of a list, those that can be made. */
export function changedBy(
  list: readonly Correction[],
  changes: readonly ((now: readonly Correction[]) => readonly Correction[])[],
): readonly Correction[] {
  return changes.reduce((now, change) => {
    try {
      return change(now);
    } catch {
      return now;
    }
  }, list);
}
