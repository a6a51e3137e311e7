/** What a series is told apart by. */
export type Labels = Readonly<Record<string, string>>;

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  /** Lines of the samples. */
  samples(): string[];
}

/** Metrics by name, written in Prometheus' text format 0.0.4. */
export class Registry {
  readonly #metrics = new Map<string, Metric>();

  /** A number that only grows; its name ends in `_total`. */
  counter(name: string, help: string): Counter {
    return this.#add(new Counter(name, help));
  }

  histogram(name: string, help: string, buckets: readonly number[]): Histogram {
    return this.#add(new Histogram(name, help, buckets));
  }

  /** A number, or one per label set, that is looked up when it is asked for; undefined: there is none now. */
  gauge(name: string, help: string, read: () => number | undefined | Iterable<[Labels, number]>): void {
    this.#add(new Observed(name, help, "gauge", read));
  }

  /** A counter that is kept elsewhere, such as by the kernel. */
  observedCounter(name: string, help: string, read: () => number): void {
    this.#add(new Observed(name, help, "counter", read));
  }

  /** All metrics, each with its help and type. */
  text(): string {
    return [...this.#metrics.values()].map(block).join("");
  }

  #add<M extends Metric>(metric: M): M {
    if (this.#metrics.has(metric.name)) throw new Error(`Metric ${metric.name} is there already`);
    this.#metrics.set(metric.name, metric);
    return metric;
  }
}

export class Counter implements Metric {
  readonly type = "counter";
  readonly #values = new Map<string, number>();

  constructor(
    readonly name: string,
    readonly help: string,
  ) {}

  /** @param by at least 0 */
  increase(by = 1, labels: Labels = {}): void {
    const key = written(labels);
    this.#values.set(key, (this.#values.get(key) ?? 0) + by);
  }

  samples(): string[] {
    return [...this.#values].map(([labels, value]) => sample(this.name, labels, value));
  }
}

interface Distribution {
  /** Observations in each bucket alone; the last is for those above all bounds. */
  counts: number[];
  sum: number;
}

export class Histogram implements Metric {
  readonly type = "histogram";
  readonly #values = new Map<string, Distribution>();

  /** @param buckets upper bounds, ascending */
  constructor(
    readonly name: string,
    readonly help: string,
    readonly buckets: readonly number[],
  ) {}

  observe(value: number, labels: Labels = {}): void {
    const key = written(labels);
    let distribution = this.#values.get(key);
    if (!distribution) {
      distribution = { counts: new Array<number>(this.buckets.length + 1).fill(0), sum: 0 };
      this.#values.set(key, distribution);
    }
    const bucket = this.buckets.findIndex((bound) => value <= bound);
    distribution.counts[bucket < 0 ? this.buckets.length : bucket]! += 1;
    distribution.sum += value;
  }

  samples(): string[] {
    return [...this.#values].flatMap(([labels, { counts, sum }]) => {
      let count = 0;
      const bounds = [...this.buckets.map(String), "+Inf"];
      const cumulated = bounds.map((bound, i) => {
        count += counts[i]!;
        return sample(
          `${this.name}_bucket`,
          [labels, written({ le: bound })].filter(Boolean).join(","),
          count,
        );
      });
      return [
        ...cumulated,
        sample(`${this.name}_sum`, labels, sum),
        sample(`${this.name}_count`, labels, count),
      ];
    });
  }
}

class Observed implements Metric {
  constructor(
    readonly name: string,
    readonly help: string,
    readonly type: "counter" | "gauge",
    readonly read: () => number | undefined | Iterable<[Labels, number]>,
  ) {}

  samples(): string[] {
    const value = this.#look();
    if (value === undefined) return [];
    const values: Iterable<[Labels, number]> = typeof value === "number" ? [[{}, value]] : value;
    return Array.from(values, ([labels, number]) => sample(this.name, written(labels), number));
  }

  /** What cannot be looked up now is left out, and takes no other metric with it. */
  #look(): ReturnType<typeof this.read> {
    try {
      return this.read();
    } catch {
      return undefined;
    }
  }
}

function block(metric: Metric): string {
  const { name, help, type } = metric;
  const lines = [
    `# HELP ${name} ${help.replace(/\\/g, "\\\\").replace(/\n/g, "\\n")}`,
    `# TYPE ${name} ${type}`,
  ];
  return [...lines, ...metric.samples(), ""].join("\n");
}

function sample(name: string, labels: string, value: number): string {
  return `${name}${labels === "" ? "" : `{${labels}}`} ${value}`;
}

/** Labels as they stand between braces. */
function written(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${value.replace(/[\\"]/g, "\\$&").replace(/\n/g, "\\n")}"`)
    .join(",");
}
