import type { SpeakerTurn } from "../types/speakers.js";

/** Turns in which a stretch is `to`'s in place of `from`'s, whose turns are cut at its ends. */
export function givenTo(
  turns: readonly SpeakerTurn[],
  stretch: { start: number; end: number; channel?: number },
  from: string | undefined,
  to: string,
): SpeakerTurn[] {
  const { channel, end, start } = stretch;
  const rest = turns.flatMap((turn) => {
    if (turn.speaker !== from || turn.end <= start || turn.start >= end) return [turn];
    const before = { ...turn, end: start };
    const after = { ...turn, start: end };
    return [before, after].filter((part) => part.end > part.start);
  });
  const given = { start, end, speaker: to, confidence: 1, ...(channel !== undefined && { channel }) };
  return joined([...rest, given]);
}

/** By start, and those of one speaker that overlap or touch as one. */
export function joined(turns: readonly SpeakerTurn[]): SpeakerTurn[] {
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
