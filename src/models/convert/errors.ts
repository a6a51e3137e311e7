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

/** `[512, 80, 3]` */
export function shapeText(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}
