import { TranscriptionError } from "../../../index.js";
import { isFinished } from "../job.js";
import type { Broker } from "./broker.js";
import { changeRecord } from "./change.js";
import { JOB_NAME, queuedData, queuedOptions } from "./queued-data.js";
import { abandoned, isTooMany, type JobRecord, setAside } from "./record.js";

/** What the queue says of a job in whose course its workers have ended. */
const STALLED = /stalled more than/;
/** Records that are looked at together. */
const PAGE = 500;
/** States of the queue in which a job is on its way to a worker, or with one. */
const ON_ITS_WAY = ["waiting", "prioritized", "delayed", "active"] as const;

/**
 * Jobs that the queue has given up, and those that it does not know: it may have lost its last second when it was killed, and
 * a server may have ended between keeping a job and queueing it. The ledger has them, so they are ended, or queued again.
 */
export class Lost {
  readonly #broker: Broker;
  readonly #every: number;
  readonly #onChange: (record: JobRecord) => void;
  readonly #onTrouble: (error: TranscriptionError) => void;
  #timer: NodeJS.Timeout | undefined;
  #looking = false;
  /** Ids that were not on their way at the last look: who is, may be between two states now. */
  #suspects = new Set<string>();

  /** @param lock seconds, twice which lie between two looks */
  constructor(
    broker: Broker,
    lock: number,
    onChange: (record: JobRecord) => void,
    onTrouble: (error: TranscriptionError) => void,
  ) {
    this.#broker = broker;
    this.#every = lock * 2000;
    this.#onChange = onChange;
    this.#onTrouble = onTrouble;
  }

  watch(): void {
    this.#timer ??= setInterval(() => void this.look(), this.#every).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** The queue has given a job up. Everybody hears of it, and one changes it. */
  async failed(id: string, reason: string): Promise<void> {
    if (!STALLED.test(reason)) return;
    try {
      const record = await this.#broker.ledger.get(id);
      // What would be set aside is left to the next looks: its worker may live, and be about to give it back.
      if (record?.job.status === "running" && isTooMany(record)) return;
      // Whoever was faster may have queued it again.
      if (record && !(await this.#isOnItsWay(id))) await this.#giveUp(record);
    } catch {
      // Told where it failed; the next look finds it.
    }
  }

  /** Looks for what nobody was told of. */
  async look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      const missing = await this.#missing();
      for (const id of missing) if (this.#suspects.has(id)) await this.#recover(id);
      this.#suspects = new Set(missing);
    } catch {
      // Told where it failed; the next look is soon.
    } finally {
      this.#looking = false;
    }
  }

  /** Ids of jobs that have not ended, and that are not on their way. */
  async #missing(): Promise<string[]> {
    const { attempt, ledger, queue } = this.#broker;
    const [{ jobs }, counts] = await Promise.all([
      ledger.tally(),
      attempt(queue.getJobCounts(...ON_ITS_WAY)),
    ]);
    const onTheirWay = Object.values(counts).reduce((sum, count) => sum + count, 0);
    if (jobs.queued + jobs.running <= onTheirWay) return [];
    const missing: string[] = [];
    for (let below: number | undefined; ; ) {
      const statuses = ["queued", "running"] as const;
      const records = await ledger.list({ statuses, below, limit: PAGE });
      for (const { job } of records) if (!(await this.#isOnItsWay(job.id))) missing.push(job.id);
      below = records.at(-1)?.number;
      if (records.length < PAGE) return missing;
    }
  }

  async #isOnItsWay(id: string): Promise<boolean> {
    const { attempt, queue } = this.#broker;
    const state = await attempt(queue.getJobState(id));
    return state === "waiting-children" || (ON_ITS_WAY as readonly string[]).includes(state);
  }

  async #recover(id: string): Promise<void> {
    const { attempt, ledger, queue } = this.#broker;
    const record = await ledger.get(id);
    const found = await attempt(queue.getJob(id));
    if (record && found && STALLED.test(found.failedReason ?? "")) await this.#giveUp(record);
    else if (record) await this.#queueAgain(record);
  }

  /** @throws TranscriptionError STORAGE_FAILED */
  async #giveUp(record: JobRecord): Promise<void> {
    if (isFinished(record.job.status)) return;
    // The queue counts each time that it has taken it from somebody, also where the queue was away itself, where it had only been
    // waiting for its turn, or was handed back in vain by a worker that was told to end.
    if (!isTooMany(record)) return this.#queueAgain(record);
    const changed = await changeRecord(this.#broker.ledger, record.job.id, (each) =>
      isFinished(each.job.status) || !isTooMany(each) ? undefined : setAside(each, Date.now()),
    );
    if (changed) this.#onChange(changed.after);
  }

  /** @param record as it was when the queue did not have it: who is slower than another changes nothing */
  async #queueAgain(record: JobRecord): Promise<void> {
    const { attempt, ledger, queue } = this.#broker;
    const { id, status } = record.job;
    if (isFinished(status)) return;
    // A new version, also of one that waits: of those who would queue it again, one does.
    const after = await ledger.replace(status === "queued" ? record : abandoned(record, Date.now()));
    if (!after) return;
    await attempt(queue.remove(id));
    await attempt(queue.add(JOB_NAME, queuedData(after.job), queuedOptions(after.job, after.maxAttempts)));
    this.#onTrouble(
      new TranscriptionError("STORAGE_FAILED", `The queue did not have ${id} any more: it is queued again`),
    );
    this.#onChange(after);
  }
}
