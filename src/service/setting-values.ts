/** What a variable may hold: `parse` returns undefined for anything else, which `expected` then describes. */
export interface ValueKind<T> {
  expected: string;
  parse(text: string): T | undefined;
  /** What was probably meant by a text that is refused. */
  suggest?(text: string): string | undefined;
  /** A value as it is written, where that is not as usual. */
  write?(value: T): string;
}

/** An integer from `min` to `max`, both included, in decimal digits. */
export function integer(min: number, max: number): ValueKind<number> {
  return {
    expected: `an integer from ${min} to ${max}`,
    parse: (text) => inRange(/^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN, min, max),
  };
}

/** A decimal number from `min` to `max`, both included. */
export function number(min: number, max: number): ValueKind<number> {
  return {
    expected: `a number from ${min} to ${max}`,
    parse: (text) => inRange(/^[+-]?(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : Number.NaN, min, max),
  };
}

/** As {@link number}, or 0 for none: undefined is not a value, so no limit is `Infinity`. */
export function limit(min: number, max: number): ValueKind<number> {
  const { parse } = number(min, max);
  return {
    expected: `a number from ${min} to ${max}, or 0 for none`,
    parse: (text) => (/^0+$/.test(text) ? Number.POSITIVE_INFINITY : parse(text)),
  };
}

/** Seconds from 0, or -1 for ever, as other servers of models have it: `Infinity`. */
export function timeToLive(max: number): ValueKind<number> {
  const { parse } = number(0, max);
  return {
    expected: `a number from 0 to ${max}, or -1 for ever`,
    parse: (text) => (text === "-1" ? Number.POSITIVE_INFINITY : parse(text)),
    write: (seconds) => (Number.isFinite(seconds) ? String(seconds) : "-1"),
  };
}

/** One of `values`, in any case. */
export function choice<const T extends string>(...values: T[]): ValueKind<T> {
  return {
    expected: `${values.slice(0, -1).join(", ")} or ${values.at(-1)}`,
    parse: (text) => values.find((value) => value.toLowerCase() === text.toLowerCase()),
  };
}

/** A switch. */
export const yesOrNo: ValueKind<boolean> = {
  expected: "true or false",
  parse: (text) => {
    if (/^(true|yes|on|1)$/i.test(text)) return true;
    return /^(false|no|off|0)$/i.test(text) ? false : undefined;
  },
};

/** Anything that `accepts` takes. */
export function text(
  expected: string | (() => string),
  accepts: (text: string) => boolean = () => true,
): ValueKind<string> {
  return {
    get expected() {
      return typeof expected === "string" ? expected : expected();
    },
    parse: (value) => (accepts(value) ? value : undefined),
  };
}

/** A comma list, each entry of which `accepts` takes; without blanks around them. */
export function listOf(entries: string, accepts: (entry: string) => boolean): ValueKind<string> {
  return {
    expected: `a comma list of ${entries}`,
    parse: (list) => {
      const found = entriesOf(list);
      return found.every(accepts) ? found.join(",") : undefined;
    },
  };
}

/** Entries of a list as {@link listOf} leaves it. */
export function entriesOf(list: string): string[] {
  return list
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
}

function inRange(value: number, min: number, max: number): number | undefined {
  return value >= min && value <= max ? value : undefined;
}
