import type { Checkpoint } from "../checkpoint/folder.js";
import type { JsonObject } from "../checkpoint/json.js";
import { invalidModel, quoted, shownValue } from "../errors.js";
import type { GgufMetadata } from "../files/gguf.js";

/** How Qwen's tokenizers split text into words; llama.cpp knows it by the name `qwen2`. */
const QWEN_PATTERN =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/** llama.cpp's `llama_token_type`. */
const TOKEN_TYPE = { normal: 1, control: 3, userDefined: 4, unused: 5 } as const;

const END_OF_TURN = "<|im_end|>";
const END_OF_TEXT = "<|endoftext|>";

/** A byte-pair vocabulary as llama.cpp wants it. */
export class Tokenizer {
  private constructor(
    private readonly path: string,
    private readonly tokens: readonly string[],
    private readonly types: readonly number[],
    private readonly merges: readonly string[],
    private readonly ids: ReadonlyMap<string, number>,
    private readonly settings: JsonObject | undefined,
  ) {}

  /**
   * @param size rows of the embedding table; rows without a token are marked as unused
   * @throws TranscriptionError MODEL_INVALID
   */
  static async read(checkpoint: Checkpoint, size: number): Promise<Tokenizer> {
    const file = await checkpoint.readJson("tokenizer.json");
    if (!file) throw checkpoint.invalid("there is no tokenizer.json beside it");
    const model = file.require("model", file.object("model"));
    if (model.get("type") !== "BPE") throw invalidModel(file.path, "model.type is not BPE");
    checkPattern(file);
    const ids = new Map<string, number>();
    const tokens = Array.from({ length: size }, (_, id) => `[PAD${id}]`);
    const types = new Array<number>(size).fill(TOKEN_TYPE.unused);
    const add = (token: unknown, id: unknown, type: number) => {
      const shown = typeof token === "string" ? quoted(token) : shownValue(token);
      if (typeof token !== "string" || token === "")
        throw invalidModel(file.path, `it has the token ${shown}`);
      if (typeof id !== "number" || !Number.isInteger(id) || id < 0) {
        throw invalidModel(file.path, `token ${shown} has no valid id`);
      }
      if (id >= size) {
        throw invalidModel(file.path, `token ${shown} has the id ${id}, but there are ${size} embeddings`);
      }
      const isTaken = types[id] !== TOKEN_TYPE.unused && tokens[id] !== token;
      if (isTaken || (ids.get(token) ?? id) !== id) {
        throw invalidModel(file.path, `token ${shown} with the id ${id} is there twice`);
      }
      tokens[id] = token;
      types[id] = type;
      ids.set(token, id);
    };
    const vocabulary = model.require("vocab", model.object("vocab"));
    for (const [token, id] of vocabulary.entries()) add(token, id, TOKEN_TYPE.normal);
    for (const entry of file.array("added_tokens") ?? []) {
      const { content, id, special } = (entry ?? {}) as Record<string, unknown>;
      add(content, id, special === true ? TOKEN_TYPE.control : TOKEN_TYPE.userDefined);
    }
    const settings = await checkpoint.readJson("tokenizer_config.json");
    return new Tokenizer(file.path, tokens, types, readMerges(model), ids, settings);
  }

  /** @throws TranscriptionError MODEL_INVALID when there is no such token */
  id(token: string): number {
    const id = this.ids.get(token);
    if (id === undefined) throw invalidModel(this.path, `it has no token ${quoted(token)}`);
    return id;
  }

  /** The `tokenizer.*` keys of a GGUF file. */
  metadata(): GgufMetadata {
    const beginning = this.ids.get(this.#special("bos_token") ?? END_OF_TEXT);
    const padding = this.ids.get(this.#special("pad_token") ?? END_OF_TEXT);
    const template = this.settings?.get("chat_template");
    return {
      "tokenizer.ggml.model": { string: "gpt2" },
      "tokenizer.ggml.pre": { string: "qwen2" },
      "tokenizer.ggml.tokens": { strings: this.tokens },
      "tokenizer.ggml.token_type": { int32s: this.types },
      "tokenizer.ggml.merges": { strings: this.merges },
      "tokenizer.ggml.eos_token_id": { uint32: this.id(this.#special("eos_token") ?? END_OF_TURN) },
      ...(padding !== undefined && { "tokenizer.ggml.padding_token_id": { uint32: padding } }),
      ...(beginning !== undefined && { "tokenizer.ggml.bos_token_id": { uint32: beginning } }),
      "tokenizer.ggml.add_bos_token": { bool: false },
      ...(typeof template === "string" && { "tokenizer.chat_template": { string: template } }),
    };
  }

  /** A token that tokenizer_config.json names, as text or as an object with its content. */
  #special(field: string): string | undefined {
    const value = this.settings?.get(field);
    return typeof value === "object"
      ? this.settings?.object(field)?.string("content")
      : this.settings?.string(field);
  }
}

function checkPattern(file: JsonObject): void {
  const preTokenizer = file.object("pre_tokenizer");
  const steps = preTokenizer?.array("pretokenizers") ?? [];
  const patterns = steps.flatMap((step) => {
    const { pattern } = (step ?? {}) as { pattern?: { Regex?: unknown } };
    return pattern ? [pattern.Regex] : [];
  });
  if (patterns.length !== 1 || patterns[0] !== QWEN_PATTERN) {
    throw invalidModel(file.path, "its pre_tokenizer does not split text as Qwen's tokenizers do");
  }
}

/** Pairs, written as `["a", "b"]` or, by older versions of the tokenizers library, `"a b"`. */
function readMerges(model: JsonObject): string[] {
  return model.require("merges", model.array("merges")).map((merge, index) => {
    const isPair =
      Array.isArray(merge) && merge.length === 2 && merge.every((part) => typeof part === "string");
    const text = isPair ? merge.join(" ") : merge;
    if (typeof text === "string" && /^\S+ \S+$/.test(text)) return text;
    throw invalidModel(model.path, `model.merges[${index}] is no pair of tokens`);
  });
}
