import { request } from "./request.js";

/** A sample of the server's metrics. */
interface Sample {
  labels: Readonly<Record<string, string>>;
  value: number;
}

/** What the server counts at one moment, by name (Prometheus' text format). */
export class Metrics {
  readonly #samples = new Map<string, Sample[]>();

  constructor(
    text: string,
    /** Milliseconds since the page was opened. */
    readonly at: number,
  ) {
    for (const [, name, labels = "", value] of text.matchAll(/^([a-z_]\w*)(?:\{(.*)\})? (\S+)$/gm)) {
      const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, text]) => [key, text]);
      const sample = { labels: Object.fromEntries(pairs), value: Number(value) };
      this.#samples.set(name!, [...(this.#samples.get(name!) ?? []), sample]);
    }
  }

  /** Sum of those that have all the labels. */
  sum(name: string, labels: Readonly<Record<string, string>> = {}): number {
    const wanted = Object.entries(labels);
    return (this.#samples.get(name) ?? [])
      .filter((sample) => wanted.every(([key, value]) => sample.labels[key] === value))
      .reduce((sum, { value }) => sum + value, 0);
  }

  /** Sums by the values of one label, greatest first. */
  by(name: string, label: string): [string, number][] {
    const sums = new Map<string, number>();
    for (const { labels, value } of this.#samples.get(name) ?? [])
      sums.set(labels[label] ?? "", (sums.get(labels[label] ?? "") ?? 0) + value);
    return [...sums].sort(([, a], [, b]) => b - a);
  }

  /** Of a histogram, for each of its limits how many values are no greater; the last limit is infinite. */
  buckets(name: string): [number, number][] {
    const sums = this.by(`${name}_bucket`, "le").map(([limit, count]): [number, number] => [
      limit === "+Inf" ? Number.POSITIVE_INFINITY : Number(limit),
      count,
    ]);
    return sums.sort(([a], [b]) => a - b);
  }

  label(name: string, label: string): string | undefined {
    return this.#samples.get(name)?.[0]?.labels[label];
  }
}

export async function readMetrics(signal: AbortSignal): Promise<Metrics> {
  const text = await (await request("/metrics", { signal })).text();
  return new Metrics(text, performance.now());
}
