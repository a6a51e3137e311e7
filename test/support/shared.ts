import { existsSync } from "node:fs";
import { describe } from "vitest";
import { SHARED } from "./shared-path.js";

export { sharedPath } from "./shared-path.js";

/** `describe` for tests that need the reference material; reported as skipped where it is not there. */
export const describeWithShared = describe.skipIf(!existsSync(SHARED));
