import type { RecordingStore } from "../recordings/store.js";
import type { CorrectionStore } from "./corrections.js";
import type { Job } from "./job.js";
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
