import { TranscriptionError } from "../../index.js";
import { cut } from "../text.js";
import { fieldName, OPTION_FIELDS, type OptionPath, optionPaths, type RequestOptions } from "./fields.js";
import type { Kind } from "./kinds.js";

/** Gives the texts of a field; none: it was not given. */
export type Given = (name: string) => readonly string[];

/**
 * The options of a request whose fields are text. What is empty counts as not given.
 * @throws TranscriptionError INVALID_ARGUMENT that names the field
 */
export function readOptions(given: Given): RequestOptions {
  const options: Record<string, unknown> = {};
  for (const path of optionPaths()) {
    const value = readField(fieldName(path), OPTION_FIELDS[path].kind, given);
    if (value !== undefined) place(options, path, value);
  }
  return withSpeakers(options);
}

/** Value of a field; undefined where it was not given. @throws TranscriptionError INVALID_ARGUMENT that names it */
export function readField<T>(name: string, kind: Kind<T>, given: Given): T | undefined {
  const texts = given(name).filter((text) => text !== "");
  if (texts.length === 0) return undefined;
  const value = kind.read(texts);
  if (value !== undefined) return value;
  throw wrongField(name, kind.expected, texts.join(","));
}

export function wrongField(name: string, expected: string, received: string): TranscriptionError {
  const message = `Expected ${expected} for ${name} but received ${JSON.stringify(cut(received))}`;
  return new TranscriptionError("INVALID_ARGUMENT", message, { option: name });
}

/** Puts a value where its path says: an object where there is a switch beside it goes before that. */
function place(options: Record<string, unknown>, path: OptionPath, value: unknown): void {
  const [name, key] = path.split(".") as [string, string?];
  if (key === undefined) options[name] = value;
  else {
    const before = options[name];
    options[name] = { ...(typeof before === "object" ? before : {}), [key]: value };
  }
}

/** Roles are those of speakers: who asks for them asks for speakers. */
function withSpeakers(options: RequestOptions): RequestOptions {
  const asksForRoles = options.roles !== undefined && options.roles !== false;
  return asksForRoles && options.diarize === undefined ? { ...options, diarize: true } : options;
}
