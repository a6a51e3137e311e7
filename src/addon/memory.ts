import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { loadAddon } from "./addon.js";

let collect: (() => void) | undefined;

/**
 * Gives memory that nothing uses any more back to the system, which otherwise sees it only when more is asked for: of
 * JavaScript's objects and their buffers, and what malloc keeps. For long-lived processes that have done what they had to
 * do for now: the first holds the JavaScript thread up for some hundredths of a second.
 */
export async function releaseMemory(): Promise<void> {
  if (!collect) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
  }
  collect();
  await loadAddon().trimMemory();
}
