import type { Checkpoint } from "../checkpoint/folder.js";
import type { JsonObject } from "../checkpoint/json.js";
import { invalidModel, quoted } from "../errors.js";
import { tokenBytes } from "./byte-level.js";

/**
 * The bytes of the first `count` tokens, in order of their ids, from `vocab.json` or else `tokenizer.json`.
 * @throws TranscriptionError MODEL_INVALID
 */
export async function readVocabulary(checkpoint: Checkpoint, count: number): Promise<Uint8Array[]> {
  const { path, ids } = await readIds(checkpoint);
  const tokens = new Array<Uint8Array | undefined>(count);
  for (const [token, id] of ids) {
    if (typeof id !== "number" || !Number.isInteger(id) || id < 0) {
      throw invalidModel(path, `token ${quoted(token)} has no valid id`);
    }
    if (id >= count) continue;
    if (tokens[id]) throw invalidModel(path, `token ${quoted(token)} has the id ${id} of another`);
    tokens[id] = tokenBytes(token);
    if (!tokens[id])
      throw invalidModel(path, `token ${quoted(token)} is not written in GPT-2's byte characters`);
  }
  return Array.from(tokens, (bytes, id) => {
    if (!bytes) throw invalidModel(path, `it has no token with the id ${id}, expected ${count} tokens`);
    return bytes;
  });
}

async function readIds(checkpoint: Checkpoint): Promise<{ path: string; ids: Iterable<[string, unknown]> }> {
  const vocabulary = await checkpoint.readJson("vocab.json");
  if (vocabulary) return { path: vocabulary.path, ids: vocabulary.entries() };
  const tokenizer = await checkpoint.readJson("tokenizer.json");
  if (!tokenizer) throw checkpoint.invalid("there is no vocab.json or tokenizer.json beside it");
  const model = tokenizer.require("model", tokenizer.object("model"));
  return { path: tokenizer.path, ids: vocabularyOf(model).entries() };
}

function vocabularyOf(model: JsonObject): JsonObject {
  return model.require("vocab", model.object("vocab"));
}
