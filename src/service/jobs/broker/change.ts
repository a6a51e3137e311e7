import type { Ledger } from "./ledger.js";
import type { JobRecord } from "./record.js";

/** What a change was made of, and what it has come to. */
export interface Changed {
  before: JobRecord;
  after: JobRecord;
}

/**
 * Changes a record, again where somebody else was faster: each change is made of what is there.
 * @param change gives what takes the record's place; undefined: nothing is to be changed
 * @returns undefined where there is no record, or nothing was to be changed
 * @throws TranscriptionError STORAGE_FAILED
 */
export async function changeRecord(
  ledger: Ledger,
  id: string,
  change: (record: JobRecord) => JobRecord | undefined,
): Promise<Changed | undefined> {
  for (;;) {
    const before = await ledger.get(id);
    const next = before && change(before);
    if (!before || !next) return undefined;
    const after = await ledger.replace(next);
    if (after) return { before, after };
  }
}
