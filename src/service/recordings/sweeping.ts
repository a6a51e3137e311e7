/** Milliseconds between two looks at most. */
const LOOK_EVERY = 60 * 60 * 1000;

/**
 * Looks from time to time for what has been kept for `ttl` seconds, but never twice at once: a look is left out while the
 * last one goes on.
 * @param sweep deletes it; what it cannot do it tries next time
 * @returns ends that
 */
export function sweepNowAndThen(sweep: () => Promise<void>, ttl: number): () => void {
  let isSweeping = false;
  const look = async () => {
    if (isSweeping) return;
    isSweeping = true;
    await sweep().catch(() => {});
    isSweeping = false;
  };
  const timer = setInterval(() => void look(), Math.min(LOOK_EVERY, ttl * 500)).unref();
  return () => clearInterval(timer);
}
