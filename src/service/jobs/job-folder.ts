import { access, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Correction, TranscriptionError, type TranscriptionResult } from "../../index.js";
import { DirectoryStore } from "../recordings/directory-store.js";
import { type ServerSettings, variableOf } from "../settings.js";
import { CorrectionStore } from "./corrections.js";
import type { JobStorage } from "./job-storage.js";
import { JsonFolder } from "./json-folder.js";
import { deleteOrphans, deleteUnused } from "./leftovers.js";
import { SqliteStore } from "./sqlite/sqlite-store.js";
import { SqliteThread } from "./sqlite/sqlite-thread.js";

const DATABASE = "jobs.db";
const RECORDINGS = "recordings";
const RESULTS = "results";
const CORRECTIONS = "corrections";
/** Of temporary ones. */
const PREFIX = "agora-jobs-";
/** Milliseconds that a server is waited for which has the folder, and may be about to end. */
const PATIENCE = 5000;

/**
 * The folder of jobs: one server has it for itself. Without a setting it is a temporary one, gone when the server ends.
 * @param onTrouble hears of each failure of the store
 * @throws TranscriptionError STORAGE_FAILED
 */
export async function openJobFolder(
  settings: ServerSettings,
  onTrouble: (error: TranscriptionError) => void,
): Promise<JobStorage> {
  const { jobsFolder, jobsMaxAttempts, jobsMaxBytes, jobsMaxWaiting, jobsTtl } = settings;
  const isTemporary = jobsFolder === undefined;
  const folder = await makeFolder(jobsFolder);
  const { store, setAside } = await SqliteStore.open(
    {
      path: join(folder, DATABASE),
      patience: PATIENCE,
      maxWaiting: jobsMaxWaiting,
      full: `${jobsMaxWaiting} jobs are waiting, the most that ${variableOf("jobsMaxWaiting")} allows; try again later`,
      maxAttempts: jobsMaxAttempts,
      ttl: jobsTtl,
    },
    onTrouble,
  );
  const variable = variableOf("jobsFolder");
  const forever = Number.POSITIVE_INFINITY;
  const recordings = new DirectoryStore(join(folder, RECORDINGS), jobsMaxBytes, forever, variable);
  const results = new JsonFolder<TranscriptionResult>(join(folder, RESULTS), RESULTS);
  const corrections = new CorrectionStore(
    new JsonFolder<readonly Correction[]>(join(folder, CORRECTIONS), CORRECTIONS),
  );
  // What no job needs: its process ended between the steps in which it would have been deleted.
  await deleteUnused(join(folder, RECORDINGS), store, recordings);
  await deleteOrphans(join(folder, RESULTS), store, results);
  await deleteOrphans(join(folder, CORRECTIONS), store, corrections);
  return {
    store,
    recordings,
    results,
    corrections,
    setAside,
    close: async () => {
      recordings.close();
      await store.close();
      if (isTemporary) await rm(folder, { recursive: true, force: true }).catch(() => {});
    },
  };
}

async function makeFolder(folder: string | undefined): Promise<string> {
  try {
    if (folder === undefined) {
      await deleteForgotten();
      return await mkdtemp(join(tmpdir(), PREFIX));
    }
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return folder;
  } catch (cause) {
    const where = folder === undefined ? `in ${tmpdir()} (TMPDIR)` : `(${variableOf("jobsFolder")})`;
    const message = `Cannot make the folder of jobs ${where}: ${(cause as Error).message}`;
    throw new TranscriptionError("STORAGE_FAILED", message, { cause });
  }
}

/** Temporary folders of servers that were killed: nobody has their files open. */
async function deleteForgotten(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(PREFIX)) continue;
    const folder = join(tmpdir(), name);
    if (await isForgotten(folder).catch(() => false))
      await rm(folder, { recursive: true, force: true }).catch(() => {});
  }
}

async function isForgotten(folder: string): Promise<boolean> {
  // One that another server is about to use has no file yet.
  await access(join(folder, DATABASE));
  const limits = { maxWaiting: 0, full: "", maxAttempts: 1, ttl: 0 };
  const options = { path: join(folder, DATABASE), patience: 0, ...limits };
  const file = await SqliteThread.open(options, () => {});
  await file.close();
  return true;
}
