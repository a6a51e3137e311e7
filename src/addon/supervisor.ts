import { loadAddon } from "./addon.js";

/**
 * Tells systemd what has become of this process, where that wants to know it: a unit with `Type=notify` sets
 * `NOTIFY_SOCKET` (sd_notify(3)).
 * @param state lines such as `READY=1`
 */
export function notifySupervisor(...state: string[]): void {
  const { NOTIFY_SOCKET } = process.env;
  if (!NOTIFY_SOCKET) return;
  try {
    loadAddon().sendDatagram(NOTIFY_SOCKET, state.join("\n"));
  } catch {
    // A supervisor that is gone is no reason to stop.
  }
}

/** What `RELOADING=1` comes with: microseconds of the clock that systemd reads too. */
export function monotonicTime(): string {
  return `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`;
}
