import type { Checkpoint } from "../checkpoint/folder.js";
import { JsonObject } from "../checkpoint/json.js";
import { invalidModel, quoted } from "../errors.js";
import { tokenBytes } from "./byte-level.js";

/** A checkpoint's tokens by their ids, as its files write them, special and added ones included. */
export interface CheckpointTokens {
  /** Of the file that the text tokens are from. */
  path: string;
  texts: ReadonlyMap<number, string>;
  /** Ids of those that text is not made of. */
  special: ReadonlyMap<string, number>;
}

/** More than any tokenizer of Whisper's has. */
const MAX_ID = 1 << 20;

/**
 * All tokens, from `vocab.json`, `tokenizer.json`, or CTranslate2's `vocabulary.json` or `vocabulary.txt`, and those that
 * were added to them.
 * @throws TranscriptionError MODEL_INVALID
 */
export async function readTokens(checkpoint: Checkpoint): Promise<CheckpointTokens> {
  const tokenizer = await checkpoint.readJson("tokenizer.json");
  const { path, entries } = await readEntries(checkpoint, tokenizer);
  const texts = new Map<number, string>();
  for (const [token, id] of entries) {
    if (typeof id !== "number" || !Number.isInteger(id) || id < 0 || id > MAX_ID) {
      throw invalidModel(path, `token ${quoted(token)} has no valid id`);
    }
    if (texts.has(id)) throw invalidModel(path, `token ${quoted(token)} has the id ${id} of another`);
    texts.set(id, token);
  }
  // Added tokens are listed again, and in files of their own.
  const added = await checkpoint.readJson("added_tokens.json");
  for (const [token, id] of [...addedTokens(tokenizer), ...(added?.entries() ?? [])]) {
    if (typeof id === "number" && Number.isInteger(id) && id >= 0 && id <= MAX_ID) texts.set(id, token);
  }
  const special = new Map(
    [...texts].flatMap(([id, token]) => (isSpecial(token) ? [[token, id] as const] : [])),
  );
  return { path, texts, special };
}

/**
 * The bytes of the first `count` tokens, in order of their ids.
 * @throws TranscriptionError MODEL_INVALID
 */
export function textTokens({ path, texts }: CheckpointTokens, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, id) => {
    const token = texts.get(id);
    if (token === undefined) {
      throw invalidModel(path, `it has no token with the id ${id}, expected ${count} tokens`);
    }
    const bytes = tokenBytes(token);
    if (!bytes) throw invalidModel(path, `token ${quoted(token)} is not written in GPT-2's byte characters`);
    return bytes;
  });
}

function isSpecial(token: string): boolean {
  return token.startsWith("<|") && token.endsWith("|>");
}

interface Entries {
  path: string;
  entries: Iterable<[string, unknown]>;
}

async function readEntries(checkpoint: Checkpoint, tokenizer: JsonObject | undefined): Promise<Entries> {
  const vocabulary = await checkpoint.readJson("vocab.json");
  if (vocabulary) return { path: vocabulary.path, entries: vocabulary.entries() };
  if (tokenizer) {
    const model = tokenizer.require("model", tokenizer.object("model"));
    return { path: tokenizer.path, entries: model.require("vocab", model.object("vocab")).entries() };
  }
  const list = await readList(checkpoint);
  if (!list) throw checkpoint.invalid("there is no vocab.json or tokenizer.json beside it");
  return { path: list.path, entries: list.tokens.map((token, id): [string, number] => [token, id]) };
}

/** CTranslate2's list of tokens, in order of their ids. */
async function readList(checkpoint: Checkpoint): Promise<{ path: string; tokens: string[] } | undefined> {
  const json = await checkpoint.readList("vocabulary.json");
  if (json) {
    if (json.values.every((token) => typeof token === "string")) {
      return { path: json.path, tokens: json.values as string[] };
    }
    throw invalidModel(json.path, "it is not a list of texts");
  }
  const text = await checkpoint.readText("vocabulary.txt");
  // The last line ends like the others; a token may be empty, so no other line is left out.
  return text && { path: text.path, tokens: text.text.replace(/\r?\n$/, "").split(/\r?\n/) };
}

function addedTokens(tokenizer: JsonObject | undefined): [string, unknown][] {
  return (tokenizer?.array("added_tokens") ?? []).map((value) => {
    const token = new JsonObject(tokenizer!.path, value, "added_tokens.");
    return [token.string("content") ?? "", token.get("id")];
  });
}
