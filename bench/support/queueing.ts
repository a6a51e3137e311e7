/** A recording that comes: when, and how long it is, in seconds. */
export interface Arrival {
  at: number;
  /** Of audio. */
  duration: number;
}

export interface Workers {
  count: number;
  /** Seconds of audio that one does in a second, of all its recordings together. */
  speed: number;
  /** Recordings that one works on at once, which share its speed alike. */
  concurrency: number;
  /** Seconds that each recording takes beside that: to fetch it, to write its result. */
  overhead?: number;
}

/** What has become of an arrival, in seconds since the first moment. */
export interface Served {
  at: number;
  started: number;
  ended: number;
}

interface Active {
  index: number;
  /** Seconds of audio that are left. */
  left: number;
}

/**
 * What would become of recordings that come to a queue with workers: first come, first served, by the worker that has the most
 * room. Recordings of one worker share its speed, as windows of all share a batch. Exact, event by event.
 * @param arrivals in the order of their times
 */
export function simulate(
  arrivals: readonly Arrival[],
  { concurrency, count, overhead = 0, speed }: Workers,
): Served[] {
  const served: Served[] = arrivals.map(({ at }) => ({ at, started: Number.NaN, ended: Number.NaN }));
  const workers: Active[][] = Array.from({ length: count }, () => []);
  let now = 0;
  let next = 0;
  let begun = 0;
  /** Seconds until a recording of a worker is done, the shortest first. */
  const timeOf = (active: Active[]): number =>
    active.length === 0
      ? Number.POSITIVE_INFINITY
      : (Math.min(...active.map(({ left }) => left)) * active.length) / speed;
  while (next < arrivals.length || begun < next || workers.some((active) => active.length > 0)) {
    const untilArrival = next < arrivals.length ? arrivals[next]!.at - now : Number.POSITIVE_INFINITY;
    const untilEnd = Math.min(...workers.map(timeOf));
    const step = Math.max(0, Math.min(untilArrival, untilEnd));
    for (const active of workers) for (const each of active) each.left -= (step * speed) / active.length;
    now += step;
    if (untilArrival <= untilEnd) next++;
    for (const [index, active] of workers.entries()) {
      const isOver = ({ left }: Active) => left <= 1e-9 * speed;
      for (const { index } of active.filter(isOver)) served[index]!.ended = now;
      workers[index] = active.filter((each) => !isOver(each));
    }
    while (begun < next) {
      const free = workers.reduce((best, active) => (active.length < best.length ? active : best));
      if (free.length >= concurrency) break;
      served[begun]!.started = now;
      free.push({ index: begun, left: arrivals[begun]!.duration + overhead * speed });
      begun++;
    }
  }
  return served;
}

/** A sequence of numbers from 0 to 1 that is the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** How long recordings are: all the same, or of all lengths around a mean (exponential). */
export type Lengths = "fixed" | "exponential";

/** Recordings that come at random (Poisson). @param rate a second @param mean seconds of audio */
export function randomArrivals(
  count: number,
  { lengths, mean, rate, seed }: { lengths: Lengths; mean: number; rate: number; seed: number },
): Arrival[] {
  const random = randomNumbers(seed);
  const exponential = (): number => -Math.log(1 - random());
  let at = 0;
  return Array.from({ length: count }, () => {
    at += exponential() / rate;
    return { at, duration: mean * (lengths === "fixed" ? 1 : exponential()) };
  });
}

/** What a share of values stay below. @param share 0 to 1 */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}
