import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { isRecordingId, type RecordingStore } from "../recordings/store.js";
import { JsonFolder } from "./json-folder.js";
import type { JobStore } from "./store.js";

/**
 * Deletes recordings that no job needs any more: their process ended between the steps in which they would have been deleted.
 * @param age milliseconds for which they have lain there: younger ones may be about to be needed
 */
export async function deleteUnused(
  folder: string,
  store: JobStore,
  recordings: RecordingStore,
  age = 0,
): Promise<void> {
  const names = await namesIn(folder, age);
  if (names.length === 0) return;
  const inUse = await store.recordingsInUse();
  for (const name of names) {
    if (inUse.has(name)) continue;
    // What has no id was being written or deleted.
    if (isRecordingId(name)) await recordings.delete(name).catch(() => {});
    else await rm(join(folder, name), { recursive: true, force: true }).catch(() => {});
  }
}

/** Deletes files of jobs that are not known, and those that are no job's. @param age as above */
export async function deleteOrphans(
  folder: string,
  store: JobStore,
  files: { delete(id: string): Promise<void> },
  age = 0,
): Promise<void> {
  const ids: string[] = [];
  for (const name of await namesIn(folder, age)) {
    const id = JsonFolder.idOf(name);
    if (id !== undefined) ids.push(id);
    else await rm(join(folder, name), { force: true }).catch(() => {});
  }
  const known = await store.known(ids);
  for (const id of ids) if (!known.has(id)) await files.delete(id).catch(() => {});
}

/** None where there is no folder yet. */
async function namesIn(folder: string, age: number): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  if (age === 0) return names;
  const before = Date.now() - age;
  const old: string[] = [];
  for (const name of names) {
    const found = await stat(join(folder, name)).catch(() => undefined);
    if (found && found.mtimeMs < before) old.push(name);
  }
  return old;
}
