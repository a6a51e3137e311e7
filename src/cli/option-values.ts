import { InvalidArgumentError } from "commander";
import type { ChannelSelection } from "../index.js";

/** Readers of option values. They check the form; ranges are the library's to check, so that they exist once. */

export function number(value: string): number {
  const parsed = Number(value);
  if (value.trim() === "" || !Number.isFinite(parsed)) throw new InvalidArgumentError("Expected a number.");
  return parsed;
}

export function wholeNumber(value: string): number {
  const parsed = Number(value);
  if (value.trim() === "" || !Number.isSafeInteger(parsed)) {
    throw new InvalidArgumentError("Expected a whole number.");
  }
  return parsed;
}

/** Stands for null, which commander takes for a missing value. */
export const NONE = Symbol("none");

/** A threshold, or `none` to switch it off. */
export function threshold(value: string): number | typeof NONE {
  return value.toLowerCase() === "none" ? NONE : number(value);
}

/** A comma list without empty entries. */
export function list(value: string): string[] {
  return value
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

/** `0` is the first temperature alone, `0,0.2` the ones to try. */
export function temperature(value: string): number | number[] {
  const values = numbers(value);
  if (values.length === 0) throw new InvalidArgumentError("Expected a number or a comma list of numbers.");
  return values.length === 1 ? values[0]! : values;
}

export function numbers(value: string): number[] {
  return list(value).map(number);
}

export function wholeNumbers(value: string): number[] {
  return list(value).map(wholeNumber);
}

export function channels(value: string): ChannelSelection {
  return value === "each" ? value : channelOr(value, "mix, each");
}

/** For commands that cannot have each channel apart. */
export function oneChannel(value: string): Exclude<ChannelSelection, "each"> {
  return channelOr(value, "mix");
}

function channelOr(value: string, words: string): Exclude<ChannelSelection, "each"> {
  if (value === "mix") return value;
  if (/^\d+$/.test(value)) return wholeNumber(value);
  throw new InvalidArgumentError(`Expected ${words} or the number of a channel, counted from 0.`);
}

/** Somebody whose voice is to be known, alone in a recording. */
export interface KnownVoice {
  name: string;
  path: string;
}

/** `Anna=anna.wav`, once for a name. */
export function knownVoice(value: string, before: KnownVoice[] = []): KnownVoice[] {
  const [, name = "", path = ""] = /^([^=]*)=(.*)$/s.exec(value) ?? [];
  if (name.trim() === "" || path === "")
    throw new InvalidArgumentError("Expected a name and a recording, as in Anna=anna.wav.");
  if (before.some((voice) => voice.name === name.trim()))
    throw new InvalidArgumentError(`Expected one recording of ${name.trim()}.`);
  return [...before, { name: name.trim(), path }];
}

/** Stands for every choice of a list; what is named beside it is remembered. */
export const ALL = "all";

/** Entries of a comma list or of several uses of the option, each once, {@link ALL} among them. */
export function choices<T extends string>(
  known: readonly T[],
): (value: string, previous?: Chosen<T>[]) => Chosen<T>[] {
  return (value, previous = []) => {
    const chosen = list(value.toLowerCase());
    const unknown = chosen.find((item) => item !== ALL && !(known as readonly string[]).includes(item));
    if (unknown !== undefined || chosen.length === 0) {
      const hint = unknown?.includes(".") ? " A file needs no option." : "";
      throw new InvalidArgumentError(`Expected a comma list of ${known.join(", ")}, or all.${hint}`);
    }
    return [...new Set([...previous, ...(chosen as Chosen<T>[])])];
  };
}

export type Chosen<T> = T | typeof ALL;

/** What {@link choices} has read, {@link ALL} as every one of `known`. */
export function allOr<T extends string>(known: readonly T[], chosen: readonly Chosen<T>[]): readonly T[] {
  const named = chosen.filter((name): name is T => name !== ALL);
  return named.length < chosen.length ? known : named;
}
