import { join } from "node:path";
import type { TranscriptionError } from "../../../errors.js";
import { fileSize } from "../../cache.js";
import { invalidModel, shownValue } from "../errors.js";
import { SourceFile } from "./source-file.js";

/** A vocabulary of 150 000 tokens with its merges takes 11 MB. */
const MAX_JSON_BYTES = 128 * 1024 * 1024;

/** An object of a JSON file that says which field is not what it should be. */
export class JsonObject {
  readonly #values: ReadonlyMap<string, unknown>;

  constructor(
    readonly path: string,
    value: unknown,
    private readonly prefix = "",
  ) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw invalidModel(path, `${prefix === "" ? "it" : prefix.slice(0, -1)} is not a JSON object`);
    }
    // A map, so that a field named like a method of objects is no surprise.
    this.#values = new Map(Object.entries(value));
  }

  entries(): IterableIterator<[string, unknown]> {
    return this.#values.entries();
  }

  /** The field as it stands; undefined when it is absent or null. */
  get(field: string): unknown {
    return this.#values.get(field) ?? undefined;
  }

  object(field: string): JsonObject | undefined {
    const value = this.get(field);
    return value === undefined ? undefined : new JsonObject(this.path, value, `${this.prefix}${field}.`);
  }

  array(field: string): readonly unknown[] | undefined {
    return this.#typed(field, "an array", (value): value is unknown[] => Array.isArray(value));
  }

  string(field: string): string | undefined {
    return this.#typed(field, "a string", (value) => typeof value === "string");
  }

  number(field: string): number | undefined {
    return this.#typed(field, "a number", (value) => typeof value === "number");
  }

  /** A whole number from 0 on. */
  count(field: string): number | undefined {
    return this.#typed(
      field,
      "a whole number from 0 on",
      (value): value is number => Number.isSafeInteger(value) && (value as number) >= 0,
    );
  }

  /** An error of this object. */
  invalid(problem: string): TranscriptionError {
    return invalidModel(this.path, `${this.prefix}${problem}`);
  }

  /** `value`, or the error that the field is missing. */
  require<T>(field: string, value: T | undefined): T {
    if (value === undefined) throw invalidModel(this.path, `${this.prefix}${field} is missing`);
    return value;
  }

  #typed<T>(field: string, expected: string, is: (value: unknown) => value is T): T | undefined {
    const value = this.get(field);
    if (value === undefined || is(value)) return value;
    throw invalidModel(this.path, `${this.prefix}${field} is ${shownValue(value)}, expected ${expected}`);
  }
}

/**
 * A JSON file of a folder, or undefined when there is none.
 * @throws TranscriptionError MODEL_INVALID
 */
export async function readJson(folder: string, name: string): Promise<JsonObject | undefined> {
  const value = await readParsed(folder, name);
  return value && new JsonObject(value.path, value.content);
}

/** The same of a file that holds a list. */
export async function readJsonList(
  folder: string,
  name: string,
): Promise<{ path: string; values: readonly unknown[] } | undefined> {
  const value = await readParsed(folder, name);
  if (!value) return undefined;
  if (!Array.isArray(value.content)) throw invalidModel(value.path, "it is not a JSON list");
  return { path: value.path, values: value.content };
}

/** A text file of a folder, or undefined when there is none. */
export function readText(folder: string, name: string): Promise<{ path: string; text: string } | undefined> {
  return readWhole(folder, name, (bytes, file) => ({ path: file.path, text: bytes.toString("utf8") }));
}

function readParsed(folder: string, name: string): Promise<{ path: string; content: unknown } | undefined> {
  return readWhole(folder, name, (bytes, file) => ({ path: file.path, content: parseJson(bytes, file) }));
}

async function readWhole<T>(
  folder: string,
  name: string,
  use: (bytes: Buffer, file: SourceFile) => T,
): Promise<T | undefined> {
  const path = join(folder, name);
  if ((await fileSize(path)) === undefined) return undefined;
  const file = await SourceFile.open(path);
  try {
    if (file.size > MAX_JSON_BYTES)
      throw file.invalid(`it has ${file.size} bytes, more than any such file has`);
    return use(await file.read(0, file.size, "its text"), file);
  } finally {
    await file.close();
  }
}

export function parseJson(bytes: Buffer, file: SourceFile, what = "it"): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch (cause) {
    throw file.invalid(`${what} is not JSON`, cause);
  }
}
