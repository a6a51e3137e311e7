import { invalidArgument, TranscriptionError } from "../errors.js";
import { nearest } from "./nearest.js";
import { bareName, otherName } from "./other-names.js";

/** Returns `value` if it is what option `name` may be. @throws TranscriptionError INVALID_ARGUMENT */
export type Check<T> = (name: string, value: unknown) => T;

/** One check per option; an option that is absent or undefined is not checked. */
export type Checks<T> = { [K in keyof T]-?: Check<Exclude<T[K], undefined>> };

/**
 * The options in `value` that are set, each checked.
 *
 * @param label what the object is called in messages
 * @param parent what its keys are prefixed with in messages, e.g. `"vadOptions."`
 * @throws TranscriptionError INVALID_ARGUMENT for a wrong value, and for an unknown option with the nearest known one
 */
export function checkOptions<T extends object>(
  label: string,
  value: unknown,
  checks: Checks<T>,
  parent = "",
): Partial<T> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalidArgument(label, "an object", value);
  }
  const checked: Partial<T> = {};
  for (const [key, given] of Object.entries(value)) {
    if (!Object.hasOwn(checks, key)) throw unknownOption(parent, key, Object.keys(checks));
    if (given !== undefined) checked[key as keyof T] = checks[key as keyof T](parent + key, given);
  }
  return checked;
}

/** Those of `options` that `keys` has. */
export function picked<T extends object, K extends keyof T>(
  options: T,
  keys: Readonly<Record<K, unknown>>,
): Pick<T, K> {
  const own = Object.entries(options).filter(([key]) => Object.hasOwn(keys, key));
  return Object.fromEntries(own) as Pick<T, K>;
}

function unknownOption(parent: string, key: string, known: string[]): TranscriptionError {
  const bare = bareName(key);
  const other = known.map(bareName).includes(bare) ? undefined : otherName(key);
  const meant = nearest(bare, known.map(bareName));
  const suggestion = known.find((name) => bareName(name) === meant);
  return new TranscriptionError(
    "INVALID_ARGUMENT",
    `Unknown option ${JSON.stringify(parent + key)}: ${
      other
        ? `here it is ${other}`
        : suggestion
          ? `did you mean ${parent}${suggestion}?`
          : `known are ${known.join(", ")}`
    }`,
    { option: parent + key },
  );
}

/** A number from `min` to `max`, both included. */
export function number(min: number, max: number): Check<number> {
  return (name, value) => {
    if (typeof value === "number" && value >= min && value <= max) return value;
    throw invalidArgument(name, `a number from ${min} to ${max}`, value);
  };
}

/** A number above 0, up to `max`. */
export function positive(max: number): Check<number> {
  return (name, value) => {
    if (typeof value === "number" && value > 0 && value <= max) return value;
    throw invalidArgument(name, `a number above 0, at most ${max}`, value);
  };
}

/** An integer from `min` to `max`, both included. */
export function integer(min: number, max: number): Check<number> {
  return (name, value) => {
    if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max)
      return value as number;
    throw invalidArgument(name, `an integer from ${min} to ${max}`, value);
  };
}

export const boolean: Check<boolean> = (name, value) => {
  if (typeof value === "boolean") return value;
  throw invalidArgument(name, "a boolean", value);
};

/** Text without NUL, which would end it early in native code. */
export function text(minLength: number, maxLength: number): Check<string> {
  return (name, value) => {
    const length = typeof value === "string" && !value.includes("\0") ? value.length : -1;
    if (length >= minLength && length <= maxLength) return value as string;
    const least = minLength > 0 ? "non-empty " : "";
    const shown = typeof value === "string" && value.length > 100 ? `${value.slice(0, 100)}…` : value;
    throw invalidArgument(name, `a ${least}string without NUL, at most ${maxLength} characters`, shown);
  };
}

/** One of `values`. */
export function oneOf<const T extends string | boolean>(...values: T[]): Check<T> {
  return (name, value) => {
    if ((values as unknown[]).includes(value)) return value as T;
    throw invalidArgument(name, alternatives(values.map((each) => JSON.stringify(each))), value);
  };
}

/** What `check` accepts, or null. */
export function nullable<T>(check: Check<T>): Check<T | null> {
  return (name, value) => (value === null ? null : check(name, value));
}

/** An array of `minLength` to `maxLength` items that `item` accepts. */
export function listOf<T>(item: Check<T>, minLength: number, maxLength: number): Check<readonly T[]> {
  return (name, value) => {
    if (!Array.isArray(value) || value.length < minLength || value.length > maxLength) {
      throw invalidArgument(name, `an array of ${minLength} to ${maxLength} items`, value);
    }
    return Array.from(value, (each, i) => item(`${name}[${i}]`, each));
  };
}

/** A function; `Args` and its result are not known at run time. */
// biome-ignore lint/suspicious/noExplicitAny: stands for any signature
export function callback<T extends (...args: any[]) => unknown>(): Check<T> {
  return (name, value) => {
    if (typeof value === "function") return value as T;
    throw invalidArgument(name, "a function", value);
  };
}

export const abortSignal: Check<AbortSignal> = (name, value) => {
  if (value instanceof AbortSignal) return value;
  throw invalidArgument(name, "an AbortSignal", value);
};

function alternatives(shown: string[]): string {
  return shown.length < 2 ? shown.join() : `${shown.slice(0, -1).join(", ")} or ${shown.at(-1)}`;
}
