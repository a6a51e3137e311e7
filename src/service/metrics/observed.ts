import { Counter, Gauge, type Registry } from "prom-client";

/** What a series is told apart by. */
export type Labels = Readonly<Record<string, string>>;

/** One number, or one per label set; undefined: there is none now. */
export type Reading = number | undefined | ReadonlyArray<[Labels, number]>;

/**
 * Adds a number that is looked up when it is asked for. What cannot be looked up now is left out, and takes no other
 * metric with it.
 */
export function observedGauge(
  registry: Registry,
  name: string,
  help: string,
  read: () => Reading | Promise<Reading>,
  labelNames: string[] = [],
): void {
  new Gauge({
    name,
    help,
    labelNames,
    registers: [registry],
    async collect() {
      this.reset();
      let reading: Reading;
      try {
        reading = await read();
      } catch {
        // Left out, as what is not there.
      }
      // After a reset one without labels is 0, and one with labels has no series.
      if (reading === undefined) {
        if (labelNames.length === 0) this.remove();
      } else if (typeof reading === "number") this.set(reading);
      else for (const [labels, value] of reading) this.set(labels, value);
    },
  });
}

/** A number that only grows; its name ends in `_total`. */
export function counter(registry: Registry, name: string, help: string, labelNames: string[] = []): Counter {
  return new Counter({ name, help, labelNames, registers: [registry] });
}
