/** Who takes part in a measurement. */
export interface Entrant {
  name: string;
  /** Entrants of a group stand for the same side: in the end its best counts. */
  group: string;
  /** False: whatever its speed, it cannot be its group's best. */
  contends: boolean;
  /** Its speed, in the measurement's unit: higher is faster. */
  run(): Promise<number>;
}

export interface Statistic {
  median: number;
  min: number;
  max: number;
  samples: number[];
}

/** Slower than this share of its group's fastest, an entrant has no chance to be its best. */
const HOPELESS = 0.75;

/**
 * Lets all entrants run in turn, `rounds` times: what slows the machine for a while slows all of them. An entrant
 * that cannot become its group's best, or that the first round shows to be far behind it, runs once.
 */
export async function alternate(
  entrants: readonly Entrant[],
  rounds: number,
): Promise<Map<Entrant, Statistic>> {
  const samples = new Map(entrants.map((entrant) => [entrant, [] as number[]]));
  let field = entrants;
  for (let round = 0; round < rounds; round++) {
    for (const entrant of field) samples.get(entrant)!.push(await entrant.run());
    if (round > 0) continue;
    const first = (entrant: Entrant) => samples.get(entrant)![0]!;
    const contenders = entrants.filter(({ contends }) => contends);
    field = contenders.filter((entrant) => {
      const group = contenders.filter((other) => other.group === entrant.group);
      return first(entrant) >= HOPELESS * Math.max(...group.map(first));
    });
  }
  return new Map([...samples].map(([entrant, values]) => [entrant, statistic(values)]));
}

function statistic(samples: number[]): Statistic {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, min: sorted[0]!, max: sorted.at(-1)!, samples };
}
