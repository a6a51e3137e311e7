import type { Entrant, Statistic } from "./alternate.js";

export const OURS = "ours";
export const PEER = "whisper.cpp";

/** How many times as fast as the other side this package is to be. */
export interface Goal {
  target: number;
  atLeast: number;
}

export type Met = "target" | "at least" | "no";

/** A line of the table. */
export interface Row {
  what: string;
  unit: string;
  /** By compute type. */
  ours: Record<string, Statistic>;
  /** By the type of whisper.cpp's file. */
  peer: Record<string, Statistic>;
  /** The fastest of each side, by median; of ours, among those that are accurate enough. */
  best: { ours: string; peer: string };
  /** Best median of ours through best median of whisper.cpp. */
  ratio: number;
  /** Absent where a row only informs. */
  goal?: Goal;
  met?: Met;
  /** Further ratios of the row. */
  also?: Record<string, number>;
}

/** Everything that all measurements go by. */
export interface Settings {
  threads: number;
  rounds: number;
  /** Little of everything: shows that it works, and nothing else. */
  quick: boolean;
  peerProgram: string;
  engineProgram: string;
}

export function makeRow(
  what: string,
  unit: string,
  results: Map<Entrant, Statistic>,
  goal: Goal | undefined,
): Row {
  const entrants = [...results.keys()];
  const side = (group: string) =>
    Object.fromEntries(
      [...results]
        .filter(([entrant]) => entrant.group === group)
        .map(([entrant, value]) => [entrant.name, value]),
    );
  const [ours, peer] = [side(OURS), side(PEER)];
  const contends = (name: string) => entrants.some((e) => e.group === OURS && e.name === name && e.contends);
  const best = { ours: fastest(ours, contends), peer: fastest(peer) };
  const ratio = ours[best.ours]!.median / peer[best.peer]!.median;
  return { what, unit, ours, peer, best, ratio, ...(goal && { goal, met: rating(ratio, goal) }) };
}

function rating(ratio: number, goal: Goal): Met {
  return ratio >= goal.target ? "target" : ratio >= goal.atLeast ? "at least" : "no";
}

export function fastest(results: Record<string, Statistic>, contends = (_: string) => true): string {
  const names = Object.keys(results).filter(contends);
  if (names.length === 0) throw new Error(`None of ${Object.keys(results).join(", ")} is accurate enough`);
  return names.reduce((best, name) => (results[name]!.median > results[best]!.median ? name : best));
}
