import type { ErrorCode } from "../../src/errors.js";
import type { Mutator } from "./mutator.js";

/** What reads files that anybody may have made. */
export interface Reader {
  name: string;
  /** Valid files, small ones. */
  seeds: readonly Uint8Array[];
  /** What the format's readers look for. */
  words?: readonly (string | Uint8Array)[];
  /**
   * Reads a file to its end. `choice` decides how, where there are several ways.
   * @returns how much of it was read – recordings, blocks or frames of sound, tensors, values, tokens, files made – which
   *   is more than nothing of each seed
   */
  read(bytes: Buffer, choice: Mutator): Promise<number>;
  /** How it may fail. */
  refusals: readonly ErrorCode[];
}
