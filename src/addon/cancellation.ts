import { cancelled } from "../errors.js";
import { type CancelFlag, loadAddon } from "./addon.js";

/** Runs native work that stops when `signal` fires, and rejects with the signal's error then. */
export async function cancellable<T>(
  signal: AbortSignal | undefined,
  work: (flag: CancelFlag) => Promise<T>,
): Promise<T> {
  if (signal?.aborted) throw cancelled(signal);
  const flag = new (loadAddon().CancelFlag)();
  const onAbort = () => flag.cancel();
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    return await work(flag);
  } catch (error) {
    if (signal?.aborted) throw cancelled(signal);
    throw error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}
