interface Interval {
  start: number;
  end: number;
}

/** For each turn, how far off the start and end are of the piece that overlaps it most, in seconds. */
export function timeErrors(turns: readonly Interval[], pieces: readonly Interval[]): number[] {
  return turns.flatMap((turn) => {
    const overlap = ({ start, end }: Interval): number =>
      Math.min(end, turn.end) - Math.max(start, turn.start);
    const piece = pieces.reduce((best, each) => (overlap(each) > overlap(best) ? each : best));
    return [Math.abs(piece.start - turn.start), Math.abs(piece.end - turn.end)];
  });
}
