import type { Checkpoint } from "../checkpoint/folder.js";
import { invalidModel, quoted } from "../errors.js";
import type { CheckpointTokens } from "./vocabulary.js";

/** Text tokens of English-only models, GPT-2's; multilingual ones have one more, an empty one. */
const ENGLISH_TEXT_TOKENS = 50_256;
const MULTILINGUAL_TEXT_TOKENS = 50_257;
/** Translate, transcribe, start of language model, previous text, no speech, no times. */
const TASK_TOKENS = 6;
/** It, previous text, no speech, no times. */
const START_OF_LM_BEFORE_TIMES = 4;
/** From 0 to 30 s in steps of 0.02 s. */
const TIME_TOKENS = 1501;
const MAX_NAMED = 3;

/** What a Whisper model's tokens are, by the ids that its tokenizer gives them. */
export interface TokenLayout {
  textTokens: number;
  /** Rows that the table of tokens has, at the least. */
  rows: number;
}

/**
 * Tells English-only models (99 languages that they never write), multilingual ones (99) and those since large-v3
 * (100, with 128 mel bands) apart, and makes sure that the table of tokens is theirs: whisper.cpp numbers all special
 * tokens by the size of the table alone, so that a row more or less makes rubbish of every text.
 * Source: openai-whisper, tokenizer.py.
 * @param rows of the table of tokens
 * @throws TranscriptionError MODEL_INVALID when rows are missing, tokens were added, or the format cannot tell the kind
 */
export function tokenLayout(
  checkpoint: Checkpoint,
  { path, texts, special }: CheckpointTokens,
  { rows, melBands }: { rows: number; melBands: number },
): TokenLayout {
  const end = special.get("<|endoftext|>");
  const hasMore = [...texts.keys()].some((id) => id === ENGLISH_TEXT_TOKENS);
  const textTokens = end ?? (hasMore ? MULTILINGUAL_TEXT_TOKENS : ENGLISH_TEXT_TOKENS);
  if (textTokens !== ENGLISH_TEXT_TOKENS && textTokens !== MULTILINGUAL_TEXT_TOKENS) {
    throw invalidModel(
      path,
      `its token "<|endoftext|>" has the id ${end}, expected ${ENGLISH_TEXT_TOKENS} or ${MULTILINGUAL_TEXT_TOKENS}`,
    );
  }
  const isEnglish = textTokens === ENGLISH_TEXT_TOKENS;
  const byBands = !isEnglish && melBands === 128 ? 100 : 99;
  const languages = languageCount(special) ?? byBands;
  const kind = isEnglish ? "an English-only model's" : `that of ${languages} languages`;
  if (languages !== byBands) {
    throw invalidModel(
      path,
      `its vocabulary is ${kind}, but models of ${melBands} mel bands have ${byBands} in whisper.cpp's format`,
    );
  }
  const expected = textTokens + 2 + languages + TASK_TOKENS + TIME_TOKENS;
  if (rows < expected) {
    throw checkpoint.invalid(
      `its table of tokens has ${rows} rows, but its vocabulary of ${textTokens} text tokens is ${kind}, ` +
        `which has ${expected}`,
    );
  }
  refuseAdded(path, texts, expected, rows);
  return { textTokens, rows: expected };
}

/** Undefined where the special tokens are not listed. */
function languageCount(special: ReadonlyMap<string, number>): number | undefined {
  const start = special.get("<|startoftranscript|>");
  const translate = special.get("<|translate|>");
  return start === undefined || translate === undefined ? undefined : translate - start - 1;
}

/** Rows without a token are there to make sizes even; rows with one are part of what the model writes. */
function refuseAdded(path: string, texts: ReadonlyMap<number, string>, first: number, rows: number): void {
  const added = [...texts].filter(([id]) => id >= first && id < rows).sort(([a], [b]) => a - b);
  if (added.length === 0) return;
  const names = added.slice(0, MAX_NAMED).map(([id, token]) => `${quoted(token)} (${id})`);
  const more = added.length > MAX_NAMED ? ` and ${added.length - MAX_NAMED} more` : "";
  throw invalidModel(
    path,
    `tokens were added behind Whisper's ${first}: ${names.join(", ")}${more}; whisper.cpp's format has no place for them`,
  );
}

/**
 * Words for all tokens of a model, from its texts and the names of the special ones.
 * @param unused the name of the token that starts a language model, which no model ever writes
 */
export function allWords(
  words: readonly Uint8Array[],
  { special }: CheckpointTokens,
  { rows, textTokens }: TokenLayout,
  unused: string,
): Uint8Array[] {
  const firstTime = rows - TIME_TOKENS;
  const names = new Map([...special].map(([name, id]) => [id, name]));
  names.set(textTokens, "<|endoftext|>").set(firstTime - START_OF_LM_BEFORE_TIMES, unused);
  const encoder = new TextEncoder();
  const nameOf = (id: number) =>
    names.get(id) ?? (id < firstTime ? `<|special ${id}|>` : `<|${((id - firstTime) * 0.02).toFixed(2)}|>`);
  return [
    ...words,
    ...Array.from({ length: rows - textTokens }, (_, i) => encoder.encode(nameOf(textTokens + i))),
  ];
}
