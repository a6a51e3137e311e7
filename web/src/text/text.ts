import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Counted, Dictionary, Forms, Sentence } from "./dictionary.js";
import { en } from "./en.js";
import { ru } from "./ru.js";

export const LANGUAGES = ["en", "ru"] as const;
export type Language = (typeof LANGUAGES)[number];
const DICTIONARIES: Record<Language, Dictionary> = { en, ru };

/** What says things in one language. */
export class Text {
  readonly #dictionary: Dictionary;
  readonly #plural: Intl.PluralRules;
  readonly #number: Intl.NumberFormat;

  constructor(readonly language: Language) {
    this.#dictionary = DICTIONARIES[language];
    this.#plural = new Intl.PluralRules(language);
    this.#number = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
  }

  /** @param values for the names in braces */
  say(key: Sentence, values: Readonly<Record<string, string | number>> = {}): string {
    return this.#filled(this.#dictionary[key] as string, values);
  }

  count(key: Counted, count: number): string {
    const form = this.#plural.select(count) as keyof Forms;
    return this.#filled((this.#dictionary[key] as Forms)[form], { count });
  }

  number(value: number): string {
    return this.#number.format(value);
  }

  /** With two digits that tell, whatever its size. */
  precise(value: number): string {
    return new Intl.NumberFormat(this.language, { maximumSignificantDigits: 2 }).format(value);
  }

  #filled(sentence: string, values: Readonly<Record<string, string | number>>): string {
    return sentence.replace(/\{(\w+)\}/g, (_, name: string) => {
      const value = values[name] ?? "";
      return typeof value === "number" ? this.number(value) : value;
    });
  }
}

export const TextContext = createContext(new Text("en"));

export function useText(): Text {
  return useContext(TextContext);
}

/** The one that was chosen, else the first of the browser's that there is. */
export function initialLanguage(): Language {
  const wanted = [localStorage.getItem("language"), ...navigator.languages];
  const found = wanted.map((each) => each?.slice(0, 2)).find((each) => LANGUAGES.includes(each as Language));
  return (found as Language | undefined) ?? "en";
}
