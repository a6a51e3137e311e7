import { LANGUAGES, type LanguageCode } from "../types/languages.js";
import { nearest } from "./nearest.js";

/** Other English names that Whisper's tokenizer knows, and some that are as usual. */
const OTHER_NAMES: Readonly<Record<string, LanguageCode>> = {
  burmese: "my",
  valencian: "ca",
  flemish: "nl",
  haitian: "ht",
  letzeburgesch: "lb",
  pushto: "ps",
  panjabi: "pa",
  moldavian: "ro",
  moldovan: "ro",
  sinhalese: "si",
  castilian: "es",
  mandarin: "zh",
  farsi: "fa",
  filipino: "tl",
  bokmål: "no",
};

/** Codes that Whisper has another one for, beside those that ECMA-402's canonical form settles (`iw`, `in`, `ji`, `rus`). */
const OTHER_CODES: Readonly<Record<string, LanguageCode>> = {
  jv: "jw",
  nb: "no",
  fil: "tl",
};

/** Codes of countries that are taken for those of their languages. Only suggested: a few are codes of other languages. */
const COUNTRIES: Readonly<Record<string, LanguageCode>> = {
  al: "sq",
  at: "de",
  br: "pt",
  by: "be",
  ch: "de",
  cn: "zh",
  cz: "cs",
  dk: "da",
  ee: "et",
  gb: "en",
  ge: "ka",
  gr: "el",
  il: "he",
  ir: "fa",
  jp: "ja",
  kh: "km",
  kr: "ko",
  kz: "kk",
  mx: "es",
  np: "ne",
  ph: "tl",
  pk: "ur",
  rs: "sr",
  se: "sv",
  si: "sl",
  tj: "tg",
  tw: "zh",
  ua: "uk",
  us: "en",
  vn: "vi",
};

/** Up to this many letters a word is meant for a code, which a slip of the finger makes another one. */
const LONGEST_CODE = 3;

const NAMES = new Map<string, LanguageCode>([
  ...(Object.entries(LANGUAGES) as [LanguageCode, string][]).map(([code, name]) => [name, code] as const),
  ...Object.entries(OTHER_NAMES),
]);

/**
 * What a person calls a language, as Whisper's code of it, or `"auto"`: by code (`ru`, also the withdrawn `iw` and the
 * three letters of ISO 639-2 and 639-3), tag (`pt-BR`, `zh_Hant`, `en_US.UTF-8`), English name (`russian`) or own name
 * (`русский`), in any case. Undefined for anything else.
 */
export function parseLanguage(text: string): LanguageCode | "auto" | undefined {
  const given = normal(text);
  if (given === "auto") return given;
  return NAMES.get(given) ?? codeOfTag(given) ?? ownNames().get(given);
}

/** Code or name of the language that was probably meant by a text that {@link parseLanguage} does not know. */
export function suggestLanguage(text: string): string | undefined {
  const given = normal(text);
  const [first = ""] = given.split(/[-_.@]/);
  const country = Object.hasOwn(COUNTRIES, first) ? COUNTRIES[first] : undefined;
  if (country) return country;
  return given.length > LONGEST_CODE ? nearest(given, [...NAMES.keys(), "auto"]) : undefined;
}

/** What {@link parseLanguage} takes, for messages. */
export const LANGUAGE_EXPECTED = 'a language by code or English name, such as "en" or "english", or "auto"';

function normal(text: string): string {
  return text.trim().normalize("NFC").toLowerCase();
}

/** Code of a language tag (BCP 47) or of a POSIX locale with its encoding and modifier. */
function codeOfTag(text: string): LanguageCode | undefined {
  const [, language, rest = ""] =
    /^([a-z]{2,3})((?:[-_][a-z0-9]{1,8})*)(?:\.[a-z0-9-]+)?(?:@[a-z0-9]+)?$/.exec(text) ?? [];
  if (language === undefined) return undefined;
  // A language in a language: Cantonese is `zh-yue`, too.
  const within = /^[-_]([a-z]{3})(?![a-z0-9])/.exec(rest)?.[1];
  return (within && codeOf(within)) || codeOf(language);
}

function codeOf(subtag: string): LanguageCode | undefined {
  if (Object.hasOwn(LANGUAGES, subtag)) return subtag as LanguageCode;
  const canonical = new Intl.Locale(subtag).language;
  const code = Object.hasOwn(OTHER_CODES, canonical) ? OTHER_CODES[canonical] : canonical;
  return Object.hasOwn(LANGUAGES, code!) ? (code as LanguageCode) : undefined;
}

let names: Map<string, LanguageCode> | undefined;

/** Languages by the names that their speakers have for them, as far as this Node.js knows these. */
function ownNames(): ReadonlyMap<string, LanguageCode> {
  names ??= new Map(
    (Object.keys(LANGUAGES) as LanguageCode[]).flatMap((code) => {
      const options = { type: "language", fallback: "none" } as const;
      const name = new Intl.DisplayNames([code], options).of(code);
      return name === undefined ? [] : [[normal(name), code] as const];
    }),
  );
  return names;
}
