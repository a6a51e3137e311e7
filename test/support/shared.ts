import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe } from "vitest";

const SHARED = new URL("../../../shared/", import.meta.url);

/** Path of a file of the reference material beside the repository, or undefined where that is not there. */
export function sharedPath(relative: string): string | undefined {
  const path = fileURLToPath(new URL(relative, SHARED));
  return existsSync(path) ? path : undefined;
}

/** `describe` for tests that need the reference material; reported as skipped where it is not there. */
export const describeWithShared = describe.skipIf(!existsSync(SHARED));
