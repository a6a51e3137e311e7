import type { TranscriptionError } from "../../index.js";
import type { RecordingStore } from "../recordings/store.js";
import type { ServerSettings } from "../settings.js";
import type { CorrectionStore } from "./corrections.js";
import type { Job } from "./job.js";
import { openJobFolder } from "./job-folder.js";
import type { ResultStore } from "./results.js";
import type { JobStore } from "./store.js";

/** Everything that jobs are kept in. */
export interface JobStorage {
  store: JobStore;
  /** Recordings that came with jobs, until they end. */
  recordings: RecordingStore;
  results: ResultStore;
  corrections: CorrectionStore;
  /** Jobs that were set aside when it was opened. */
  setAside: Job[];
  close(): Promise<void>;
}

/** Who has jobs done: a server that does them itself, one that has workers for it, or one of those. */
export type JobRole = "alone" | "server" | "worker";

/**
 * Where jobs are kept: a folder of this server's own, or a queue and a store that several machines share.
 * @param onTrouble hears of each failure of the store
 * @throws TranscriptionError STORAGE_FAILED; INVALID_ARGUMENT where a package is missing
 */
export async function openJobStorage(
  settings: ServerSettings,
  role: JobRole,
  onTrouble: (error: TranscriptionError) => void,
): Promise<JobStorage> {
  if (role === "alone") return openJobFolder(settings, onTrouble);
  // Who has one machine loads nothing of this.
  const { openSharedStorage } = await import("./broker/shared-storage.js");
  return openSharedStorage(settings, role, onTrouble);
}
