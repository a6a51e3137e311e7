import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { TranscriptionError } from "../index.js";

/**
 * Adds the variables of a `.env` file to `environment`, where they are not set already; nothing where there is none.
 * @throws TranscriptionError INVALID_ARGUMENT when the file is there and cannot be read
 */
export function loadDotenv(path = ".env", environment: NodeJS.ProcessEnv = process.env): void {
  let content: string;
  try {
    content = readFileSync(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return;
    throw new TranscriptionError("INVALID_ARGUMENT", `Cannot read ${path}: ${(cause as Error).message}`, {
      cause,
    });
  }
  // A byte order mark would become part of the first name.
  for (const [name, value] of Object.entries(parseEnv(content.replace(/^\uFEFF/, ""))))
    environment[name] ??= value;
}
