import type { TranscriptionResult } from "../../index.js";

/** Results of jobs, by the jobs' ids: each is there whole or not at all, and a second of the same job changes nothing. */
export interface ResultStore {
  /** @throws TranscriptionError STORAGE_FAILED */
  put(id: string, result: TranscriptionResult): Promise<void>;
  /** @returns undefined where there is none. @throws TranscriptionError STORAGE_FAILED */
  get(id: string): Promise<TranscriptionResult | undefined>;
  delete(id: string): Promise<void>;
}
