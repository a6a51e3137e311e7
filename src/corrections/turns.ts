import type { SpeakerTurn } from "../types/speakers.js";

interface Stretch {
  /** Seconds, as in all of these. */
  start: number;
  end: number;
}

/** A stretch that is `to`'s in place of `from`'s. */
export interface Move extends Stretch {
  channel?: number;
  /** undefined: nobody's. */
  from: string | undefined;
  to: string;
}

/** Turns in which stretches are others': those of who had them are cut at their ends. */
export function moved(turns: readonly SpeakerTurn[], moves: readonly Move[]): SpeakerTurn[] {
  const taken = new Map<string | undefined, Stretch[]>();
  for (const { end, from, start } of moves) {
    const stretches = taken.get(from) ?? [];
    stretches.push({ start, end });
    taken.set(from, stretches);
  }
  for (const [from, stretches] of taken) taken.set(from, united(stretches));
  const rest = turns.flatMap((turn) => without(turn, taken.get(turn.speaker) ?? []));
  const given = moves.map(({ channel, end, start, to }) => ({
    start,
    end,
    speaker: to,
    confidence: 1,
    ...(channel !== undefined && { channel }),
  }));
  return joined([...rest, ...given]);
}

/** What is left of a turn. @param taken by start, apart from one another */
function without(turn: SpeakerTurn, taken: readonly Stretch[]): SpeakerTurn[] {
  let index = firstThatEndsAfter(turn.start, taken);
  if (index === taken.length || taken[index]!.start >= turn.end) return [turn];
  const parts: SpeakerTurn[] = [];
  let { start } = turn;
  for (; index < taken.length && taken[index]!.start < turn.end; index++) {
    parts.push({ ...turn, start, end: taken[index]!.start });
    start = taken[index]!.end;
  }
  parts.push({ ...turn, start });
  return parts.filter((part) => part.end > part.start);
}

function firstThatEndsAfter(time: number, stretches: readonly Stretch[]): number {
  let [low, high] = [0, stretches.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (stretches[middle]!.end > time) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** By start, and those that overlap or touch as one. */
function united(stretches: readonly Stretch[]): Stretch[] {
  return joined(stretches.map((stretch) => ({ ...stretch, speaker: "", confidence: 1 })));
}

/** By start, and those of one speaker that overlap or touch as one. */
function joined(turns: readonly SpeakerTurn[]): SpeakerTurn[] {
  const latest = new Map<string, SpeakerTurn>();
  const result: SpeakerTurn[] = [];
  for (const turn of [...turns].sort((a, b) => a.start - b.start)) {
    const key = `${turn.speaker} ${turn.channel}`;
    const last = latest.get(key);
    if (last && turn.start <= last.end) {
      last.end = Math.max(last.end, turn.end);
      continue;
    }
    const own = { ...turn };
    latest.set(key, own);
    result.push(own);
  }
  return result;
}
