import type { TranscriptionError } from "../../index.js";
import type { ServerSettings } from "../settings.js";
import { openJobFolder } from "./job-folder.js";
import type { JobRole, JobStorage } from "./job-storage.js";

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
