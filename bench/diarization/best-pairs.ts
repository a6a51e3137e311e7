/** Rows and columns that belong together. */
export interface Pairs {
  /** Of the entries of the pairs. */
  sum: number;
  /** Column by row; rows without one are missing. */
  columns: ReadonlyMap<string, string>;
}

/**
 * The pairs with the greatest sum of entries, each row and column at most once: who is who among two sets of speakers.
 * @param rows entries by row and column, none negative; what is missing is 0
 */
export function bestPairs(rows: ReadonlyMap<string, ReadonlyMap<string, number>>): Pairs {
  const names = [...new Set([...rows.values()].flatMap((row) => [...row.keys()]))];
  // Subsets of the shorter side, which has few.
  const flip = names.length > rows.size;
  const [long, short] = flip ? [names, [...rows.keys()]] : [[...rows.keys()], names];
  const value = (a: string, b: string) => (flip ? rows.get(b)!.get(a) : rows.get(a)!.get(b)) ?? 0;
  let best = new Map<number, { sum: number; pairs: readonly [string, string][] }>([
    [0, { sum: 0, pairs: [] }],
  ]);
  for (const one of long) {
    const next = new Map(best);
    for (const [taken, { sum, pairs }] of best) {
      for (const [j, other] of short.entries()) {
        if (taken & (1 << j)) continue;
        const now = taken | (1 << j);
        const total = sum + value(one, other);
        if (total <= (next.get(now)?.sum ?? -1)) continue;
        next.set(now, { sum: total, pairs: [...pairs, flip ? [other, one] : [one, other]] });
      }
    }
    best = next;
  }
  const { sum, pairs } = [...best.values()].reduce((most, each) => (each.sum > most.sum ? each : most));
  return { sum, columns: new Map(pairs) };
}
