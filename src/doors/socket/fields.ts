import { parseLanguage, TranscriptionError } from "../../index.js";

/** An object of JSON, as a client has sent it. */
export type Fields = Readonly<Record<string, unknown>>;

/** @throws TranscriptionError INVALID_ARGUMENT for what is no JSON, or no object @param what it should be */
export function readObject(text: string, what: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw wrong(what, "text that is none");
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw wrong(what, "JSON of another kind");
}

function wrong(expected: string, received: string): TranscriptionError {
  return new TranscriptionError("INVALID_ARGUMENT", `Expected ${expected} but received ${received}`);
}

export function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A text that says something. */
export function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value.trim() !== "" ? value : undefined;
}

/** A number within limits: one beyond them is the limit; what is none is undefined. */
export function numberIn(value: unknown, min: number, max: number): number | undefined {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof number !== "number" || Number.isNaN(number)) return undefined;
  return Math.min(Math.max(number, min), max);
}

/**
 * A language by whatever name a client has for it; undefined: detected.
 * @throws TranscriptionError INVALID_ARGUMENT for one that nobody knows
 */
export function languageOf(value: unknown, field: string): string | undefined {
  const name = textOf(value);
  // Deepgram's word for several.
  if (name === undefined || name === "multi") return undefined;
  const language = parseLanguage(name);
  if (language === undefined) {
    const message = `Expected a language by code or English name for ${field} but received ${JSON.stringify(name)}`;
    throw new TranscriptionError("INVALID_ARGUMENT", message, { option: field });
  }
  return language === "auto" ? undefined : language;
}
