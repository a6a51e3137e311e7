import { bestPairs } from "./best-pairs.js";

/** A stretch in which a speaker is heard, in seconds. */
export interface ScoredTurn {
  start: number;
  end: number;
  speaker: string;
}

/** Parts of the diarization error, in seconds of speech; a second in which two speak counts twice. */
export interface DiarizationErrors {
  missed: number;
  falseAlarm: number;
  confusion: number;
  /** Of the reference. */
  speech: number;
}

export interface ScoringRules {
  /** Seconds on each side of a reference boundary that do not count, as NIST's md-eval has it. */
  collar: number;
  /** Where the scored part ends; from 0. */
  end: number;
}

/** Missed speech, false alarms and confusion as a part of all speech; 0 where there is none. */
export function errorRate({ missed, falseAlarm, confusion, speech }: DiarizationErrors): number {
  return speech > 0 ? (missed + falseAlarm + confusion) / speech : 0;
}

/**
 * Errors of `hypothesis` after the mapping of its speakers to those of `reference` that is best for it; overlaps are
 * scored. Source: NIST, The 2009 (RT-09) Rich Transcription Meeting Recognition Evaluation Plan; pyannote.metrics.
 */
export function diarizationErrors(
  reference: readonly ScoredTurn[],
  hypothesis: readonly ScoredTurn[],
  { collar, end }: ScoringRules,
): DiarizationErrors {
  const edges = new Set([0, end]);
  for (const { start, end } of [...reference, ...hypothesis]) edges.add(start).add(end);
  const boundaries = reference.flatMap(({ start, end }) => [start, end]);
  if (collar > 0) for (const at of boundaries) edges.add(at - collar).add(at + collar);
  const times = [...edges].filter((time) => time >= 0 && time <= end).sort((a, b) => a - b);

  const errors = { missed: 0, falseAlarm: 0, confusion: 0, speech: 0 };
  const shared = new Map<string, Map<string, number>>();
  let both = 0;
  for (let i = 0; i + 1 < times.length; i++) {
    const [from, to] = [times[i]!, times[i + 1]!];
    const middle = (from + to) / 2;
    if (collar > 0 && boundaries.some((at) => Math.abs(at - middle) < collar)) continue;
    const at = (turns: readonly ScoredTurn[]) => [
      ...new Set(
        turns.filter(({ start, end }) => start <= middle && middle < end).map(({ speaker }) => speaker),
      ),
    ];
    const [truth, guess] = [at(reference), at(hypothesis)];
    const length = to - from;
    errors.speech += truth.length * length;
    errors.missed += Math.max(0, truth.length - guess.length) * length;
    errors.falseAlarm += Math.max(0, guess.length - truth.length) * length;
    both += Math.min(truth.length, guess.length) * length;
    for (const own of truth) {
      const row = shared.get(own) ?? new Map<string, number>();
      shared.set(own, row);
      for (const theirs of guess) row.set(theirs, (row.get(theirs) ?? 0) + length);
    }
  }
  errors.confusion = both - bestPairs(shared).sum;
  return errors;
}

/** Turns of an RTTM file; of one recording where a name is given. */
export function parseRttm(text: string, recording?: string): ScoredTurn[] {
  return text.split("\n").flatMap((line) => {
    const [kind, name, , start, duration, , , speaker] = line.trim().split(/\s+/);
    if (kind !== "SPEAKER" || speaker === undefined) return [];
    if (recording !== undefined && name !== recording) return [];
    return [{ start: Number(start), end: Number(start) + Number(duration), speaker }];
  });
}
