/** What a field of a request may hold where requests are text, and what it is described by in JSON Schema. */
export interface Kind<T> {
  /** For messages: “Expected … for beam_size”. */
  expected: string;
  schema: Readonly<Record<string, unknown>>;
  /** Whether the field may be given more than once, each time with an entry of a list. */
  isList?: boolean;
  /** @param texts as they were given, at least one @returns undefined for what it may not hold; ranges are the library's */
  read(texts: readonly string[]): T | undefined;
}

const last = (texts: readonly string[]): string => texts.at(-1)!;

/** A decimal number, with an exponent if need be. */
function numberOf(text: string): number | undefined {
  // No two parts of it take the same digits, of which a request may have millions.
  return /^\s*[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?\s*$/i.test(text) ? Number(text) : undefined;
}

/** Entries of a list, given apart or with commas; undefined when one of them is no number. */
function numbersOf(texts: readonly string[]): number[] | undefined {
  const found = texts.flatMap((text) => text.replace(/^\s*\[|\]\s*$/g, "").split(",")).map(numberOf);
  return found.every((value) => value !== undefined) ? (found as number[]) : undefined;
}

export const number: Kind<number> = {
  expected: "a number",
  schema: { type: "number" },
  read: (texts) => numberOf(last(texts)),
};

export const integer: Kind<number> = {
  expected: "a whole number",
  schema: { type: "integer" },
  read: (texts) => {
    const value = numberOf(last(texts));
    return Number.isSafeInteger(value) ? value : undefined;
  },
};

/** Seconds, given in milliseconds, where other servers have such. @param most milliseconds */
export function milliseconds(most: number): Kind<number> {
  return {
    expected: `milliseconds, 0 to ${most},`,
    schema: { type: "number", minimum: 0, maximum: most },
    read: (texts) => {
      const value = numberOf(last(texts));
      return value !== undefined && value >= 0 && value <= most ? value / 1000 : undefined;
    },
  };
}

/** As clients in Python and JavaScript write them: `True`, `true`, `1`. */
export const flag: Kind<boolean> = {
  expected: "true or false",
  schema: { type: "boolean" },
  read: (texts) => {
    const text = last(texts).trim();
    if (/^(true|1|yes|on)$/i.test(text)) return true;
    return /^(false|0|no|off)$/i.test(text) ? false : undefined;
  },
};

/** A switch, or what decides by itself. */
export const autoFlag: Kind<boolean | "auto"> = {
  expected: "true, false or auto",
  schema: { type: "string", enum: ["true", "false", "auto"] },
  read: (texts) => (/^\s*auto\s*$/i.test(last(texts)) ? "auto" : flag.read(texts)),
};

/** A number, or `none` to switch it off. */
export const threshold: Kind<number | null> = {
  expected: "a number, or none to switch it off",
  schema: { anyOf: [{ type: "number" }, { const: "none" }] },
  read: (texts) => (/^\s*(none|null|off)\s*$/i.test(last(texts)) ? null : numberOf(last(texts))),
};

export const numbers: Kind<number[]> = {
  expected: "a comma list of numbers",
  schema: { type: "array", items: { type: "number" } },
  isList: true,
  read: numbersOf,
};

export const integers: Kind<number[]> = {
  expected: "a comma list of whole numbers",
  schema: { type: "array", items: { type: "integer" } },
  isList: true,
  read: (texts) => {
    const found = numbersOf(texts);
    return found?.every(Number.isSafeInteger) ? found : undefined;
  },
};

/** One number, or several to try in turn. */
export const oneOrMore: Kind<number | number[]> = {
  ...numbers,
  expected: "a number or a comma list of numbers",
  read: (texts) => {
    const found = numbersOf(texts);
    return found?.length === 1 ? found[0] : found;
  },
};

export const text: Kind<string> = {
  expected: "a text",
  schema: { type: "string" },
  read: last,
};

/** A text, or a list of them. */
export const texts: Kind<string | string[]> = {
  expected: "a text or several",
  schema: { type: "array", items: { type: "string" } },
  isList: true,
  read: (given) => (given.length === 1 ? given[0] : [...given]),
};

/** Vectors as JSON: one to a field, or all of them in one. */
export const vectors: Kind<number[][]> = {
  expected: "lists of numbers as JSON",
  schema: { type: "array", items: { type: "array", items: { type: "number" } } },
  isList: true,
  read: (given) => {
    const found = given.map(vectorsOf);
    return found.every((each) => each !== undefined) ? found.flat() : undefined;
  },
};

function vectorsOf(text: string): number[][] | undefined {
  const isVector = (value: unknown): value is number[] =>
    Array.isArray(value) && value.every((each) => typeof each === "number");
  try {
    const value: unknown = JSON.parse(text);
    if (isVector(value)) return [value];
    return Array.isArray(value) && value.every(isVector) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** One of `values`, in any case. */
export function choice<const T extends string>(values: readonly T[]): Kind<T> {
  return {
    expected: `one of ${values.join(", ")}`,
    schema: { type: "string", enum: values },
    read: (given) => values.find((value) => value.toLowerCase() === last(given).trim().toLowerCase()),
  };
}

/** `mix` or the number of a channel, where nothing is done for each by itself. */
export const channel: Kind<"mix" | number> = {
  expected: "mix or the number of a channel, counted from 0,",
  schema: { anyOf: [{ const: "mix" }, { type: "integer", minimum: 0 }] },
  read: (given) => {
    const text = last(given).trim().toLowerCase();
    return text === "mix" ? text : /^\d+$/.test(text) ? Number(text) : undefined;
  },
};

/** `mix`, `each` or the number of a channel. */
export const channels: Kind<"mix" | "each" | number> = {
  expected: "mix, each or the number of a channel, counted from 0",
  schema: { anyOf: [{ enum: ["mix", "each"] }, { type: "integer", minimum: 0 }] },
  read: (given) => (last(given).trim().toLowerCase() === "each" ? "each" : channel.read(given)),
};
