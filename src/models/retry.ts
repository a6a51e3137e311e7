/** How failed transfers are tried again. */
export interface RetryPolicy {
  /** Tries in a row without progress before giving up, at least 1. */
  attempts: number;
  /** Seconds before the second try; each further one waits twice as long. */
  firstDelay: number;
  /** Longest wait in seconds, also for a server's `Retry-After`. */
  maxDelay: number;
  /** Seconds without a byte after which a transfer counts as failed. */
  stallTimeout: number;
}

/** About six seconds of patience for a server that is down, unlimited for one that is merely slow. */
export const DEFAULT_RETRY_POLICY: RetryPolicy = {
  attempts: 5,
  firstDelay: 0.5,
  maxDelay: 60,
  stallTimeout: 60,
};

/**
 * Seconds to wait before the next try: exponential backoff, or what the server asked for when that is more.
 * Half of the backoff is random, so that machines that failed together do not return together.
 * @param failures tries that have failed so far, from 1
 * @param retryAfter seconds that the server asked to wait
 * @param random 0 to 1
 */
export function retryDelay(
  policy: RetryPolicy,
  failures: number,
  retryAfter = 0,
  random: number = Math.random(),
): number {
  const backoff = policy.firstDelay * 2 ** (failures - 1) * (0.5 + random / 2);
  return Math.min(policy.maxDelay, Math.max(backoff, retryAfter));
}
