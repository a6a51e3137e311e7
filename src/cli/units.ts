/** `0:22`, `12:03`, `1:02:03`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const rest = String(whole % 60).padStart(2, "0");
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB"];

/** `574 MB`, `1.6 GB`: decimal units, as disks and downloads are sold. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 99.95 ? value.toFixed(0) : value.toFixed(1)} ${BYTE_UNITS[unit]}`;
}

/** `18×`, `1.8×`: seconds of audio per second. */
export function formatSpeed(factor: number): string {
  return `${factor >= 9.95 ? factor.toFixed(0) : factor.toFixed(1)}×`;
}
