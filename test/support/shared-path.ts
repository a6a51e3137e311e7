import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The reference material beside the repository. */
export const SHARED = new URL("../../../shared/", import.meta.url);

/** Path of a file of it, or undefined where that is not there. */
export function sharedPath(relative: string): string | undefined {
  const path = fileURLToPath(new URL(relative, SHARED));
  return existsSync(path) ? path : undefined;
}
