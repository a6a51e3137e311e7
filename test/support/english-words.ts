import { normalisedWords } from "./word-error-rate.js";

/**
 * Words of English text as they are said, for word error rates of models that write otherwise than the truth spells:
 * digits and ordinals as number words, titles in full, American spelling, brackets' contents and symbols left out.
 * Does what matters here of OpenAI's English normaliser (appendix C of the Whisper paper) – the other way round, as
 * truth texts spell numbers out –, and the same to both sides of a comparison.
 */
export function englishWords(text: string): string[] {
  const spoken = text
    .normalize("NFKC")
    .replace(/\[[^\]]*\]|\([^)]*\)/g, " ")
    .replace(/(?<=\d),(?=\d{3}\b)/g, "")
    .replace(/\b(\d{1,6})(st|nd|rd|th)\b/gi, (_, digits) => ordinal(Number(digits)))
    .replace(/\$(\d+)/g, "$1 dollars")
    .replace(/(\d)%/g, "$1 percent")
    .replace(/\d+/g, (digits) => ` ${digits.length > 6 ? digits : cardinal(Number(digits))} `);
  return normalisedWords(spoken).map((word) => AS_SPOKEN[word] ?? american(word));
}

const AS_SPOKEN: Record<string, string> = {
  mr: "mister",
  mrs: "missus",
  dr: "doctor",
  st: "saint",
  prof: "professor",
  ok: "okay",
  grey: "gray",
  alright: "allright",
};

/** Endings that are spelt in two ways, of words long enough to have them as endings. */
function american(word: string): string {
  return word
    .replace(/(?<=[a-z]{3})our(?=(?:s|ed|ing|ite|ites|able|er|ers|ful|less|ly)?$)/, "or")
    .replace(/(?<=[a-z]{3})is(?=(?:e|es|ed|ing|ation|ations)$)/, "iz")
    .replace(/(?<=[a-z]{2}t)re(?=s?$)/, "er");
}

const SMALL = (
  "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen " +
  "eighteen nineteen"
).split(" ");
const TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split(" ");

/** Of 0 to 999 999. */
function cardinal(value: number): string {
  if (value < 20) return SMALL[value]!;
  if (value < 100) return `${TENS[Math.floor(value / 10) - 2]}${rest(value % 10)}`;
  if (value < 1000) return `${cardinal(Math.floor(value / 100))} hundred${rest(value % 100)}`;
  return `${cardinal(Math.floor(value / 1000))} thousand${rest(value % 1000)}`;
}

function rest(value: number): string {
  return value === 0 ? "" : ` ${cardinal(value)}`;
}

const ORDINALS: Record<string, string> = {
  one: "first",
  two: "second",
  three: "third",
  five: "fifth",
  eight: "eighth",
  nine: "ninth",
  twelve: "twelfth",
};

function ordinal(value: number): string {
  return cardinal(value).replace(/\w+$/, (last) => ORDINALS[last] ?? `${last.replace(/y$/, "ie")}th`);
}
