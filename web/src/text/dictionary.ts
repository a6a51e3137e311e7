import type { en } from "./en.js";

export type Forms = Record<"one" | "few" | "many" | "other", string>;
type Shape = typeof en;
/** All that the page says. */
export type Dictionary = { [Key in keyof Shape]: Shape[Key] extends string ? string : Forms };
/** What is said as it is. */
export type Sentence = { [Key in keyof Shape]: Shape[Key] extends string ? Key : never }[keyof Shape];
/** What is said of a number. */
export type Counted = Exclude<keyof Shape, Sentence>;
