import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { TranscriptionError } from "../../../index.js";
import type { Ledger } from "./ledger.js";
import { type JobRecord, marked } from "./record.js";

/** Milliseconds before each look at what has become of a change that was not answered, where somebody waits for it. */
const LOOK_AFTER = [50, 200, 500];
/** Milliseconds after which no more looks are begun: a broker that is silent takes its time to fail each. */
const PATIENCE = 1000;

/** What a change was made of, and what it has come to. */
export interface Changed {
  before: JobRecord;
  after: JobRecord;
}

/**
 * One change of a record, again where somebody else was faster: each is made of what is there. A ledger may make it and not
 * live to say so: who then asks again finds it made, by the mark that it has left.
 */
export class Change {
  readonly #ledger: Ledger;
  readonly #id: string;
  readonly #change: (record: JobRecord) => JobRecord | undefined;
  readonly #mark = randomBytes(6).toString("base64url");
  /** What was asked for last, and may have been made. */
  #asked: Changed | undefined;

  /** @param change gives what takes the record's place; undefined: nothing is to be changed */
  constructor(ledger: Ledger, id: string, change: (record: JobRecord) => JobRecord | undefined) {
    this.#ledger = ledger;
    this.#id = id;
    this.#change = change;
  }

  /** Whether the ledger was asked for it, and has not answered. */
  get isOpen(): boolean {
    return this.#asked !== undefined;
  }

  /**
   * Makes it, once, however often this is called.
   * @returns undefined where there is no record, or nothing was to be changed
   * @throws TranscriptionError STORAGE_FAILED: it may have been made
   */
  async make(): Promise<Changed | undefined> {
    for (;;) {
      const before = await this.#ledger.get(this.#id);
      const asked = this.#asked;
      if (before && asked && before.marks?.includes(this.#mark))
        // Others may have gone on from there.
        return before.version === asked.after.version ? { ...asked, after: before } : asked;
      const next = before && this.#change(before);
      if (!before || !next) return undefined;
      const wanted = marked(next, this.#mark);
      this.#asked = { before, after: { ...wanted, version: before.version + 1 } };
      const after = await this.#ledger.replace(wanted);
      if (after) return { before, after };
    }
  }
}

/**
 * The same for somebody who waits for it: what was asked, and not answered, is looked after for a moment.
 * @throws TranscriptionError STORAGE_FAILED
 */
export async function changeRecord(
  ledger: Ledger,
  id: string,
  change: (record: JobRecord) => JobRecord | undefined,
): Promise<Changed | undefined> {
  const made = new Change(ledger, id, change);
  return patiently(
    () => made.make(),
    () => made.isOpen,
  );
}

/**
 * Does `work`, and again a few times within a second where its answer was lost.
 * @param isOpen whether it may have been done when it has failed
 * @throws as `work`
 */
export async function patiently<T>(work: () => Promise<T>, isOpen: () => boolean): Promise<T> {
  const end = performance.now() + PATIENCE;
  for (const pause of [...LOOK_AFTER, undefined]) {
    try {
      return await work();
    } catch (error) {
      const isLost = TranscriptionError.from(error).code === "STORAGE_FAILED" && isOpen();
      if (!isLost || pause === undefined || performance.now() >= end) throw error;
      await sleep(pause);
    }
  }
  throw new Error("unreachable");
}
