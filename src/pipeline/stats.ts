/** Words of `text`, split at Unicode white space: as many as words are timed in languages that write it. */
export function countWords(text: string): number {
  return text.match(/\P{White_Space}+/gu)?.length ?? 0;
}

/** `text` without Unicode white space around it: what {@link countWords} takes for it, which `trim()` does not. */
export function trimWhiteSpace(text: string): string {
  return text.replace(/^\p{White_Space}+/u, "").replace(/(?<!\p{White_Space})\p{White_Space}+$/u, "");
}

/** Unicode code points of `text`. */
export function countCodePoints(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length - 1; i++) {
    if (isBetween(text.charCodeAt(i), 0xd800, 0xdbff) && isBetween(text.charCodeAt(i + 1), 0xdc00, 0xdfff))
      count--;
  }
  return count;
}

function isBetween(value: number, low: number, high: number): boolean {
  return value >= low && value <= high;
}

/** `duration / processingTime`; 0 if nothing was measured. */
export function speedFactor(duration: number, processingTime: number): number {
  return processingTime > 0 ? duration / processingTime : 0;
}
