/** Milliseconds between two looks at most. */
const LOOK_EVERY = 60 * 60 * 1000;

/**
 * Looks from time to time for what has been kept for `ttl` seconds.
 * @param sweep deletes it; what it cannot do it tries next time
 * @returns ends that
 */
export function sweepNowAndThen(sweep: () => Promise<void>, ttl: number): () => void {
  const timer = setInterval(() => void sweep().catch(() => {}), Math.min(LOOK_EVERY, ttl * 500)).unref();
  return () => clearInterval(timer);
}
