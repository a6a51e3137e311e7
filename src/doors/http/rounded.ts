/** Microseconds, and no trace of float32. */
export function rounded(seconds: number): number {
  return Number(seconds.toFixed(6));
}
