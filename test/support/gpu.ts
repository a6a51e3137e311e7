import { describe } from "vitest";
import { probeCuda } from "../../src/engine/devices.js";

const { reason } = await probeCuda();

/** `describe` for tests that need a GPU; skipped, with the reason, where none works. */
export const describeWithGpu = (name: string, tests: () => void) =>
  describe.skipIf(reason !== undefined)(reason === undefined ? name : `${name} (${reason})`, tests);
