import { spawnSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** Bytes of the disks of {@link smallDisk}. */
export const SMALL_DISK = 2 * 1024 ** 2;

function mount(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), "agora-disk-"));
  const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${SMALL_DISK}`, "agora-test", folder]);
  if (status === 0) return folder;
  rmdirSync(folder);
  return undefined;
}

function unmount(folder: string): void {
  // Lazily: files without names may be open still.
  spawnSync("umount", ["--lazy", folder]);
  rmdirSync(folder);
}

const trial = mount();
if (trial !== undefined) unmount(trial);
/** Whether this process may mount a disk. */
export const canMount = trial !== undefined;

/** A folder on an empty disk of its own, until the test has finished. */
export function smallDisk(): string {
  const folder = mount();
  if (folder === undefined) throw new Error("Cannot mount a disk");
  onTestFinished(() => unmount(folder));
  return folder;
}
