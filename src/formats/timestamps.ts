/** Whole milliseconds, never negative; rounded before it is split, so that no field ever reads 60. */
export function milliseconds(seconds: number): number {
  return Number.isFinite(seconds) ? Math.max(0, Math.round(seconds * 1000)) : 0;
}

/** `HH:MM:SS` + `mark` + `mmm`; hours take more digits where they need them. */
export function clockTime(ms: number, mark: "," | "."): string {
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor(ms / 60_000) % 60;
  const seconds = Math.floor(ms / 1000) % 60;
  return `${pad(hours, 2)}:${pad(minutes, 2)}:${pad(seconds, 2)}${mark}${pad(ms % 1000, 3)}`;
}

/** `mm:ss.xx` in hundredths of a second, as lyrics have it; minutes go on counting past the hour. */
export function lyricsTime(seconds: number): string {
  const hundredths = Math.round(milliseconds(seconds) / 10);
  const minutes = Math.floor(hundredths / 6000);
  return `${pad(minutes, 2)}:${pad(Math.floor(hundredths / 100) % 60, 2)}.${pad(hundredths % 100, 2)}`;
}

function pad(value: number, digits: number): string {
  return String(value).padStart(digits, "0");
}
