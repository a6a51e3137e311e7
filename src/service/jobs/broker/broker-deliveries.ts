import type { Delivery, DeliveryStore } from "../store.js";
import { Change, changeRecord } from "./change.js";
import type { Ledger } from "./ledger.js";

/** Milliseconds for which one server has a webhook for itself: longer than it waits for an answer. */
const LEASE = 30_000;
/** Milliseconds that must be left of it when it is sent: as long as an answer is waited for. */
const SENDING = 10_000;

/** Webhooks of jobs in a ledger. Of the servers that look for what is due, one is given each. */
export class BrokerDeliveries implements DeliveryStore {
  readonly #ledger: Ledger;
  /** Until when this server has those that it was given, by job. */
  readonly #leases = new Map<string, number>();
  /** What was to be said of one, and was not answered. */
  readonly #unanswered = new Map<string, Change>();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** Each is this server's alone from then on, so no more than can be sent at once are taken from the others. */
  async due(now: number, limit: number): Promise<Delivery[]> {
    const due: Delivery[] = [];
    const begun = performance.now();
    try {
      for (let before = -1; due.length < limit && due.length > before; ) {
        before = due.length;
        // Others took some of those: there may be more.
        await this.#lease(now, limit - due.length, due);
      }
    } catch (error) {
      // Those that were taken before are nobody else's.
      if (due.length === 0) throw error;
    }
    if (performance.now() - begun <= LEASE - SENDING) return due;
    // The ledger took its time: somebody else may be given them before they are sent.
    for (const { jobId } of due) this.#leases.delete(jobId);
    return [];
  }

  async #lease(now: number, limit: number, due: Delivery[]): Promise<void> {
    const leased = now + LEASE;
    for (const id of await this.#ledger.due(now, limit)) {
      // Whoever is slower finds that it is not due any more.
      const changed = await changeRecord(this.#ledger, id, (record) =>
        record.deliverAt === undefined || record.deliverAt > now
          ? undefined
          : { ...record, deliverAt: leased },
      );
      if (!changed) continue;
      this.#leases.set(id, leased);
      const { delivery, finishedAt, metadata, status, webhook } = changed.after.job;
      due.push({
        jobId: id,
        webhookId: `msg_${id.slice("job_".length)}`,
        webhook: webhook!,
        status,
        finishedAt: finishedAt ?? now,
        metadata,
        attempts: delivery?.attempts ?? 0,
      });
    }
  }

  next(now: number): Promise<number | undefined> {
    return this.#ledger.nextDue(now);
  }

  async settle(id: string, isDelivered: boolean, retryAt: number | undefined): Promise<void> {
    const status = isDelivered ? "delivered" : retryAt === undefined ? "failed" : "pending";
    const leased = this.#leases.get(id);
    const change =
      this.#unanswered.get(id) ??
      new Change(this.#ledger, id, (record) => {
        // Somebody else has it since, who says what becomes of it; that it was delivered nobody else knows.
        if (!isDelivered && record.deliverAt !== leased) return undefined;
        const attempts = (record.job.delivery?.attempts ?? 0) + 1;
        return { ...record, deliverAt: retryAt, job: { ...record.job, delivery: { status, attempts } } };
      });
    // Told again where there was no answer: it counts once.
    this.#unanswered.set(id, change);
    await change.make();
    this.#unanswered.delete(id);
    this.#leases.delete(id);
  }
}
