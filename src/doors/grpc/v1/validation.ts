import { posix } from "node:path";
import { TranscriptionError } from "../../../index.js";
import { cut } from "../../../service/text.js";

const EXTENSIONS = new Set([".mp3", ".wav", ".m4a", ".flac", ".ogg", ".aac"]);

/** A request that is refused with a text of the contract, as it stands. */
export class InvalidRequest extends TranscriptionError {
  constructor(message: string) {
    super("INVALID_ARGUMENT", message);
  }
}

/** @throws InvalidRequest */
export function requireFilename(filename: string): void {
  if (filename === "") throw new InvalidRequest("Имя файла не указано");
}

/** @throws InvalidRequest */
export function requireAudio(bytes: number): void {
  if (bytes === 0) throw new InvalidRequest("Данные файла пустые");
}

/** @throws InvalidRequest when the name does not end in one of the contract's extensions */
export function requireKnownExtension(extension: string): void {
  if (!EXTENSIONS.has(extension)) throw new InvalidRequest(`Неподдерживаемый формат файла: ${extension}`);
}

/** The lower-cased suffix as Python's `pathlib` has it, cut: none for `.mp3` and for a dot at the end. */
export function extensionOf(filename: string): string {
  const extension = posix.extname(filename).toLowerCase();
  return extension === "." ? "" : cut(extension);
}
