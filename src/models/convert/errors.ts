import { TranscriptionError } from "../../errors.js";

/** A file of a checkpoint, or the checkpoint as a whole, that cannot be converted, and why. */
export function invalidModel(path: string, problem: string, cause?: unknown): TranscriptionError {
  return new TranscriptionError("MODEL_INVALID", `The model file ${path} is not valid: ${problem}`, {
    cause,
  });
}

/** A name from a file as it may stand in a message: quoted, one line, not endless. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}…` : name);
}

/** Values in a list or an object that are shown one by one. */
const MOST_SHOWN = 8;

/**
 * A value of a JSON file as it may stand in a message. Neither `JSON.stringify` nor `String` takes any: values may be
 * nested too deeply for the stack, and have a field named `toString`.
 */
export function shownValue(value: unknown): string {
  if (typeof value === "string") return quoted(JSON.stringify(value.slice(0, 201)));
  if (typeof value !== "object" || value === null) return quoted(String(value));
  const items = Object.values(value);
  const small =
    items.length <= MOST_SHOWN && items.every((item) => typeof item !== "object" || item === null);
  if (small) return quoted(JSON.stringify(value));
  return Array.isArray(value) ? `a list of ${items.length}` : "an object";
}

/** `[512, 80, 3]` */
export function shapeText(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}
